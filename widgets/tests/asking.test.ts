import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { acting } from "../src/lib/acting";
import { confirmation } from "../src/lib/confirm";
import { h } from "../src/lib/dom";

afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

describe("a button that has something done", () => {
  const button = () => h("button", { type: "button" }, "Deploy");

  test("does it once, however often it is clicked, and keeps the focus", async () => {
    const { act } = acting(() => {});
    const place = button();
    document.body.append(place);
    place.focus();
    let done = () => {};
    const working = new Promise<void>((resolve) => {
      done = resolve;
    });
    const action = vi.fn(() => working);
    const first = act(place, action, "");
    expect(await act(place, action, "")).toBe(false);
    expect(place.ariaBusy).toBe("true");
    expect(document.activeElement).toBe(place);
    done();
    expect(await first).toBe(true);
    expect(place.ariaBusy).toBeNull();
    expect(action).toHaveBeenCalledTimes(1);
    expect(await act(place, action, "")).toBe(true);
  });

  test("tells how long it has been at it, once that is long", async () => {
    vi.useFakeTimers();
    const { act } = acting(() => {});
    const place = button();
    const work = act(place, () => new Promise((resolve) => setTimeout(resolve, 90_500)), "");
    await vi.advanceTimersByTimeAsync(1500);
    expect(place.dataset.spent).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1000);
    expect(place.dataset.spent).toBe("2 s");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(place.dataset.spent).toBe("1 min");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await work).toBe(true);
    expect(place.dataset.spent).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tells why it could not, until the next try", async () => {
    const said: string[] = [];
    const { act, trouble } = acting((words) => said.push(words));
    const place = button();
    expect(await act(place, () => Promise.reject(new Error("No room.")), "Done.")).toBe(false);
    expect([trouble.hidden, trouble.textContent]).toEqual([false, "No room."]);
    expect(await act(place, () => Promise.resolve(), "Done.")).toBe(true);
    expect(trouble.hidden).toBe(true);
    expect(said).toEqual(["Done."]);
  });
});

describe("a question", () => {
  let question: ReturnType<typeof confirmation>;
  let before: HTMLButtonElement;

  beforeEach(() => {
    question = confirmation();
    before = h("button", { type: "button" }, "Delete …");
    document.body.append(before, question.element);
    before.focus();
  });

  const buttons = () => [...question.element.querySelectorAll("button")];
  const typed = () => question.element.querySelector("input") as HTMLInputElement;
  const press = (place: HTMLElement, key: string) =>
    place.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));

  test("is answered by its buttons, and gives the focus back", async () => {
    const answer = question.ask("Replace score.py?", "Replace");
    const [yes, no] = buttons();
    expect([yes?.textContent, no?.textContent]).toEqual(["Replace", "Keep"]);
    expect(question.element.getAttribute("aria-label")).toBe("Replace score.py?");
    expect(document.activeElement).toBe(no);
    yes?.click();
    expect(await answer).toBe(true);
    expect(question.element.hidden).toBe(true);
    expect(document.activeElement).toBe(before);
  });

  test("Escape keeps", async () => {
    const answer = question.ask("Replace score.py?", "Replace");
    press(question.element, "Escape");
    expect(await answer).toBe(false);
  });

  test("a name has to be typed first, whole", async () => {
    const answer = question.ask("Delete iris-svc?", "Delete", "iris-svc");
    const [yes] = buttons();
    expect(document.activeElement).toBe(typed());
    for (const name of ["", "iris", "Iris-svc"]) {
      typed().value = name;
      typed().dispatchEvent(new Event("input"));
      press(typed(), "Enter");
      expect([yes?.disabled, question.element.hidden]).toEqual([true, false]);
    }
    typed().value = "iris-svc";
    typed().dispatchEvent(new Event("input"));
    press(typed(), "Enter");
    expect(await answer).toBe(true);
  });

  test("the next question answers the one before with no", async () => {
    const first = question.ask("Replace one?", "Replace");
    const second = question.ask("Replace two?", "Replace");
    expect(await first).toBe(false);
    buttons()[0]?.click();
    expect(await second).toBe(true);
  });
});
