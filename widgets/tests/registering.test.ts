import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ModelsIntents, ModelsModel, Registration } from "../src/contract";
import { acting } from "../src/lib/acting";
import { openDoor } from "../src/lib/python";
import { registration } from "../src/models/register";
import { kernel } from "./model";

const RUNNING: Registration = {
  name: "churn",
  stage: "uploading",
  done: 340e6,
  total: 1.2e9,
  problem: "",
};
const CANCELLED = "The registration was cancelled; nothing was registered.";

let python: ReturnType<typeof kernel>;
let form: HTMLFormElement;
let trouble: HTMLElement;
let ending: AbortController;

function open(traits: Partial<ModelsModel> = { registration: null }): void {
  python = kernel(traits);
  ending = new AbortController();
  const acted = acting(() => {});
  trouble = acted.trouble;
  const door = openDoor<ModelsModel, ModelsIntents>(python.model);
  const made = registration({ ...acted, python: door, signal: ending.signal, registered() {} });
  form = made.element;
  document.body.append(form, trouble);
  if (form.hidden) made.toggle();
}

const named = (words: string) =>
  [...form.querySelectorAll("button")].find((each) => each.textContent === words) as HTMLElement;
const kinds = () => python.asked.map(({ kind }) => kind);
const bar = () => form.querySelector("progress") as HTMLProgressElement;

beforeEach(() => open());
afterEach(() => {
  ending.abort();
  document.body.replaceChildren();
});

test("how far it is is told in bytes, for as long as it runs", () => {
  expect(bar().closest<HTMLElement>("[hidden]")).not.toBeNull();
  python.set("registration", RUNNING);
  expect(bar().closest<HTMLElement>("[hidden]")).toBeNull();
  expect(form.textContent).toContain("churn: uploading, 340 MB of 1.2 GB");
  expect([bar().value, bar().max]).toEqual([340e6, 1.2e9]);
  python.set("registration", { ...RUNNING, stage: "downloading", total: 0 });
  expect(form.textContent).toContain("churn: downloading, 340 MB");
  expect(bar().hasAttribute("value")).toBe(false);
  python.set("registration", null);
  expect(bar().closest<HTMLElement>("[hidden]")).not.toBeNull();
});

test("a second click registers nothing twice", () => {
  named("Register").click();
  named("Register").click();
  expect(kinds()).toEqual(["register"]);
});

test("the focus goes to what is missing", async () => {
  const [path, name] = form.querySelectorAll("input");
  if (path) path.value = "model.onnx";
  named("Register").click();
  python.refuse(python.asked.at(-1)?.id ?? "", "The name is missing.");
  await vi.waitFor(() => expect(document.activeElement).toBe(name));
});

test("while another page registers, this one begins nothing", () => {
  python.set("registration", RUNNING);
  named("Register").click();
  expect(kinds()).toEqual([]);
});

test("the form stays and its button cancels, once", () => {
  named("Register").click();
  python.set("registration", RUNNING);
  named("Cancel").click();
  named("Cancel").click();
  expect(kinds()).toEqual(["register", "cancel"]);
  expect(form.hidden).toBe(false);
  python.set("registration", { ...RUNNING, stage: "cancelling" });
  expect(form.textContent).toContain("churn: cancelling");
  named("Cancel").click();
  expect(kinds()).toEqual(["register", "cancel"]);
});

test("what is cancelled before Python has begun is cancelled when it has", () => {
  named("Register").click();
  named("Cancel").click();
  expect(kinds()).toEqual(["register"]);
  python.set("registration", RUNNING);
  expect(kinds()).toEqual(["register", "cancel"]);
});

test("what ended without a model is told, in a page that was reloaded too", async () => {
  python.set("registration", RUNNING);
  python.set("registration", { ...RUNNING, problem: CANCELLED });
  expect([trouble.hidden, trouble.textContent]).toEqual([false, CANCELLED]);
  expect(bar().closest<HTMLElement>("[hidden]")).not.toBeNull();
  named("Cancel").click();
  expect([form.hidden, trouble.hidden]).toEqual([true, true]);
});

test("a page that opens meanwhile shows the form, and can cancel", () => {
  document.body.replaceChildren();
  open({ registration: RUNNING });
  expect(form.hidden).toBe(false);
  named("Cancel").click();
  expect(kinds()).toEqual(["cancel"]);
  python.set("registration", null);
  expect(form.hidden).toBe(true);
});
