import type { Keys } from "../contract";
import { acting } from "../lib/acting";
import { copyButton } from "../lib/clipboard";
import type { confirmation } from "../lib/confirm";
import { h, iconButton, setIcon, setLabel, setText } from "../lib/dom";
import { KEYS } from "../lib/texts";
import { wordsOf } from "../lib/words";
import type { Context } from "./section";

const MASK = "•".repeat(24);
const SHOWN_SECONDS = 60;

/** A key is asked from Python on a click and held only by the element that shows it. */
export function keyValue(
  context: Context,
  which: keyof Keys,
  question: ReturnType<typeof confirmation>,
) {
  const name = KEYS.names[which];
  const value = h("code", { class: "mlm-key" }, MASK);
  const ask = async () => (await context.python.ask("keys", {}))[which];
  const { act } = acting(context.say, tell);
  let timer = 0;

  function hide(): void {
    clearTimeout(timer);
    setText(value, MASK);
    delete value.dataset.shown;
    setButton("show", KEYS.show(name));
  }

  function tell(words: string): void {
    setText(value, words);
    value.dataset.shown = "";
    setButton("hide", KEYS.hide(name));
    clearTimeout(timer);
    timer = window.setTimeout(hide, SHOWN_SECONDS * 1000);
  }

  async function reveal(): Promise<void> {
    try {
      tell(await ask());
    } catch (error) {
      tell(wordsOf(error));
    }
  }

  async function replace(): Promise<void> {
    if (rotate.ariaBusy === "true") return; // nothing is asked that would not be done
    if (!(await question.ask(KEYS.question(name), KEYS.yes))) return;
    const done = await act(
      rotate,
      () => context.python.ask("rotate", { which }, 60),
      KEYS.replaced(name),
    );
    if (done) hide();
  }

  function setButton(image: "show" | "hide", words: string): void {
    const svg = toggle.querySelector("svg");
    if (svg) setIcon(svg, image);
    setLabel(toggle, words);
  }

  const toggle = iconButton("show", KEYS.show(name), () => {
    if ("shown" in value.dataset) hide();
    else void reveal();
  });
  const rotate = iconButton("turn", KEYS.replace(name), () => void replace());
  context.signal.addEventListener("abort", hide, { once: true });
  return {
    which,
    value,
    buttons: [toggle, copyButton(KEYS.copy(name), ask, context.say), rotate],
    hide,
  };
}
