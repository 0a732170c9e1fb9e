import type { InitializeProps, RenderProps } from "@anywidget/types";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ModelDetails, ModelRow } from "../src/contract";
import models from "../src/models";
import "../src/panels.css";
import { kernel } from "./model";

const row = (version: number): ModelRow => ({
  id: `iris:${version}`,
  name: "iris",
  version,
  framework: "ONNX",
  size: 9,
  tags: [],
  properties: [],
  aliases: [],
  createdAt: "2026-03-01T12:00:00Z",
});
const DETAILS: ModelDetails = {
  id: "iris:2",
  facts: [],
  files: [],
  fileCount: 0,
  sample: "",
  card: "",
  usedBy: ["iris-svc"],
  versions: [2],
};

let python: ReturnType<typeof kernel>;
let place: HTMLElement;

beforeEach(() => {
  // More rows than a window has room for.
  const rows = Array.from({ length: 150 }, (_, index) => row(index + 1));
  python = kernel({ models: rows, more: false, opened: "", form: null, checked: "" });
  place = document.createElement("div");
  document.body.append(place);
  const view = models();
  const signal = new AbortController().signal;
  view.initialize({ model: python.model } as unknown as InitializeProps);
  view.render({ model: python.model, el: place, signal } as unknown as RenderProps);
});
afterEach(() => document.body.replaceChildren());

const button = (words: string) =>
  [...place.querySelectorAll("button")].find(
    (one) => one.textContent === words && one.checkVisibility(),
  );

async function answered(kind: string, answer: (id: string) => void): Promise<void> {
  await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe(kind));
  answer(python.asked.at(-1)?.id ?? "");
}

function isInSight(element: Element | null | undefined): boolean {
  if (!element?.checkVisibility()) return false;
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}

test("what is opened, asked and refused is in sight below a long table", async () => {
  button("iris:2")?.click();
  await answered("open", (id) => python.answer(id, null));
  python.set("opened", "iris:2");
  await answered("details", (id) => python.answer(id, DETAILS));
  await vi.waitFor(() => expect(isInSight(button("Delete …"))).toBe(true));

  button("Delete …")?.click();
  const yes = await vi.waitFor(() => {
    const found = button("Delete");
    expect(isInSight(found)).toBe(true);
    return found;
  });
  yes?.click();
  await answered("delete", (id) => python.refuse(id, "'iris-svc' uses it."));
  const alerts = () => [...place.querySelectorAll("[role=alert]")];
  await vi.waitFor(() => {
    const told = alerts().find((one) => one.textContent === "'iris-svc' uses it.");
    expect(isInSight(told)).toBe(true);
    expect(isInSight(button("Delete …"))).toBe(true);
  });
});

test("what a tick is for is told when there is one", () => {
  const [first, second] = place.querySelectorAll<HTMLInputElement>("tbody input");
  first?.click();
  expect(button("Choose another to compare")?.disabled).toBe(true);
  second?.click();
  expect(button("Compare")?.disabled).toBe(false);
  first?.click();
  second?.click();
  expect(button("Compare") ?? button("Choose another to compare")).toBeUndefined();
});
