import type { Work } from "../contract";
import { button, h, setText, show } from "./dom";
import { WORKING } from "./texts";

interface Needs<Told extends Work> {
  /** What runs, or why the last came to nothing, in Python's words. */
  told(): Told | null;
  words(told: Told): string;
  /** Ask Python to end it. */
  end(): Promise<unknown>;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  fail(words: string): void;
}

/** How far long work is, and a button that ends it: alike in each page that shows the panel. */
export function working<Told extends Work>({ told, words, end, act, fail }: Needs<Told>) {
  const bar = h("progress", { "aria-label": WORKING.progress });
  const far = h("span");
  const progress = h("p", { class: "mlm-row" }, bar, far);
  const cancel = button(WORKING.cancel);
  // What is cancelled before Python has begun is cancelled when it has.
  let isAsked = false;
  let wantsEnd = false;
  let problem = "";

  function running(): Told | null {
    const now = told();
    return now?.problem === "" ? now : null;
  }

  function draw(): void {
    const news = told()?.problem ?? "";
    if (news !== problem) {
      problem = news;
      fail(news);
    }
    const now = running();
    show(progress, now !== null);
    if (now === null) return;
    setText(far, words(now));
    if (now.total > 0) {
      bar.max = now.total;
      bar.value = now.done;
    } else bar.toggleAttribute("value", false);
    if (wantsEnd) stop();
  }

  /** Whether there was something to end. */
  function stop(): boolean {
    const now = running();
    wantsEnd = now === null && isAsked;
    if (now !== null && now.stage !== "cancelling") void act(cancel, end, "");
    return now !== null || isAsked;
  }

  /** Have Python do it, unless something runs; true once it is done. */
  async function run(
    place: HTMLButtonElement,
    action: () => Promise<unknown>,
    done: string,
  ): Promise<boolean> {
    if (running() !== null || isAsked) return false;
    isAsked = true;
    wantsEnd = false;
    const isDone = await act(place, action, done);
    isAsked = false;
    return isDone;
  }

  draw();
  return { progress, cancel, running, isAsked: () => isAsked, draw, stop, run };
}

interface RowNeeds extends Omit<Needs<Work>, "words"> {
  /** Call back whenever something else is told. */
  watch(changed: () => void): void;
}

/** The same in a row of its own, there while something runs. */
export function workingRow({ watch, ...needs }: RowNeeds) {
  const work = working({ ...needs, words: ({ stage }) => WORKING.stage(stage) });
  const element = h("div", { class: "mlm-row" }, work.cancel, work.progress);

  function draw(): void {
    work.draw();
    show(element, work.running() !== null);
  }

  work.cancel.addEventListener("click", work.stop);
  watch(draw);
  draw();
  return { element, run: work.run };
}
