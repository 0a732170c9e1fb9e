import type { Keys } from "../contract";
import { acting } from "../lib/acting";
import { copyButton } from "../lib/clipboard";
import type { confirmation } from "../lib/confirm";
import { h, iconButton, setIcon, setLabel, setText } from "../lib/dom";
import { wordsOf } from "../lib/words";
import type { Context } from "./section";

const MASK = "•".repeat(24);
const SHOWN_SECONDS = 60;

/** A key is asked from Python on a click and held only by the element that shows it. */
export function keyValue(
  context: Context,
  which: keyof Keys,
  label: string,
  question: ReturnType<typeof confirmation>,
) {
  const value = h("code", { class: "mlm-key" }, MASK);
  const ask = async () => (await context.python.ask("keys", {}))[which];
  const { act } = acting(context.say, tell);
  let timer = 0;

  function hide(): void {
    clearTimeout(timer);
    setText(value, MASK);
    delete value.dataset.shown;
    setButton("show", `Show the ${label}`);
  }

  function tell(words: string): void {
    setText(value, words);
    value.dataset.shown = "";
    setButton("hide", `Hide the ${label}`);
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
    const asked = `Make a new ${label}? Clients that use the old one are refused at once.`;
    if (!(await question.ask(asked, "Make a new key"))) return;
    const done = await act(
      rotate,
      () => context.python.ask("rotate", { which }, 60),
      `The ${label} is new.`,
    );
    if (done) hide();
  }

  function setButton(name: "show" | "hide", words: string): void {
    const svg = toggle.querySelector("svg");
    if (svg) setIcon(svg, name);
    setLabel(toggle, words);
  }

  const toggle = iconButton("show", `Show the ${label}`, () => {
    if ("shown" in value.dataset) hide();
    else void reveal();
  });
  const rotate = iconButton("turn", `Replace the ${label}`, () => void replace());
  context.signal.addEventListener("abort", hide, { once: true });
  return {
    value,
    buttons: [toggle, copyButton(`Copy the ${label}`, ask, context.say), rotate],
    hide,
  };
}
