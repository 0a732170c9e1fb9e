import type { InitializeProps, RenderProps } from "@anywidget/types";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ServicesIntents, ServicesModel } from "../src/contract";
import { child } from "../src/lib/child";
import { definition } from "../src/lib/definition";
import { openDoor } from "../src/lib/python";
import { kernel } from "./model";

const open = (model: ReturnType<typeof kernel>) =>
  openDoor<ServicesModel, ServicesIntents>(model.model);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("what is asked", () => {
  test("is answered by its number, whatever comes between", async () => {
    const python = kernel();
    const door = open(python);
    const first = door.ask("open", { name: "one" });
    const second = door.ask("open", { name: "two" });
    const [one, two] = python.asked;
    python.answer("another-page-1", { model: "wrong" });
    python.answer(two?.id ?? "", { model: "2" });
    python.answer(one?.id ?? "", { model: "1" });
    expect(await Promise.all([first, second])).toEqual([{ model: "1" }, { model: "2" }]);
    expect(one?.id).not.toBe(two?.id);
  });

  test("has numbers unlike those of another page", () => {
    const python = kernel();
    void open(python).ask("open", { name: "one" });
    void open(python).ask("open", { name: "one" });
    expect(new Set(python.asked.map(({ id }) => id)).size).toBe(2);
  });

  test("is said again, the same, until there is an answer", async () => {
    const python = kernel();
    const answer = open(python).ask("open", { name: "one" });
    vi.advanceTimersByTime(6500);
    expect(python.asked).toHaveLength(3);
    expect(new Set(python.asked.map((each) => JSON.stringify(each))).size).toBe(1);
    python.answer(python.asked[0]?.id ?? "", { model: "1" });
    await answer;
    vi.advanceTimersByTime(60_000);
    expect(python.asked).toHaveLength(3);
  });

  test("ends with words when no answer comes in time, and is said no more", async () => {
    const python = kernel();
    const answer = open(python).ask("open", { name: "one" }, 10);
    const told = expect(answer).rejects.toThrow("The kernel did not answer within 10 s.");
    vi.advanceTimersByTime(10_000);
    await told;
    const before = python.asked.length;
    vi.advanceTimersByTime(60_000);
    expect(python.asked).toHaveLength(before);
    python.answer(python.asked[0]?.id ?? "", { model: "late" });
  });

  test("ends with Python's words when it is refused", async () => {
    const python = kernel();
    const answer = open(python).ask("open", { name: "one" });
    python.refuse(python.asked[0]?.id ?? "", "There is no service 'one'.");
    await expect(answer).rejects.toThrow("There is no service 'one'.");
  });
});

test("a trait is watched until the view goes", () => {
  const python = kernel({ services: [] });
  const view = new AbortController();
  const seen: unknown[] = [];
  open(python).watch("services", (value) => seen.push(value), view.signal);
  python.set("services", ["a"]);
  view.abort();
  python.set("services", ["b"]);
  expect(seen).toEqual([["a"]]);
  expect(python.listening("change:services")).toBe(0);
});

test("the kernel is gone when its comm ends, and back with the first news", () => {
  const python = kernel({ services: [] });
  const view = new AbortController();
  const seen: boolean[] = [];
  open(python).onConnection((isLive) => seen.push(isLive), view.signal);
  python.tell("comm_live_update");
  python.set("services", ["a"]);
  python.answer("x", null);
  expect(seen).toEqual([false, true, true]);
  view.abort();
  for (const event of ["comm_live_update", "change"]) expect(python.listening(event)).toBe(0);
});

test("a panel that cannot be shown says why in its place", async () => {
  const python = kernel({ panel: "IPY_MODEL_1" });
  const lost = () => Promise.reject(new Error("No such model."));
  const host = { getModel: lost, getWidget: lost };
  const place = child(open(python), "panel", host, new AbortController().signal);
  await vi.waitFor(() => expect(place.textContent).toBe("It cannot be shown: No such model."));
  python.set("panel", null);
  expect(place.textContent).toBe("");
});

test("a page says that it has a panel, once for all its views", () => {
  const python = kernel();
  const { signal } = new AbortController();
  const view = definition(() => {})();
  view.initialize({ model: python.model, signal } as unknown as InitializeProps);
  const props = { model: python.model, el: document.createElement("div"), signal };
  for (const _ of [1, 2]) view.render(props as unknown as RenderProps);
  expect(python.asked).toEqual([{ here: true }]);
});
