import type { Language } from "../contract";
import { copyButton } from "../lib/clipboard";
import { h, icon, setText } from "../lib/dom";
import { CALLS } from "../lib/texts";
import { wordsOf } from "../lib/words";
import type { Context } from "./section";

const LANGUAGES: Language[] = ["curl", "Python", "JavaScript", "C#", "Go", "Java"];
const PAUSE = 250;

/** The request that would be sent, as code to paste elsewhere. */
export function calls(context: Context, body: () => { body: string; mediaType: string }) {
  const language = h(
    "select",
    { class: "mlm-input", "aria-label": CALLS.language },
    ...LANGUAGES.map((name) => h("option", {}, name)),
  );
  const code = h("pre", {
    class: "mlm-code",
    role: "group",
    tabindex: "0",
    "aria-label": CALLS.code,
  });
  const copy = copyButton(CALLS.copy, () => code.textContent ?? "", context.say);
  const element = h(
    "details",
    { class: "mlm-calls" },
    h("summary", {}, icon("chevron"), CALLS.title),
    h("div", { class: "mlm-row" }, language, copy),
    code,
    h("p", { class: "mlm-hint" }, CALLS.keyHint),
  );
  let timer = 0;
  let asked = 0;

  async function draw(): Promise<void> {
    asked += 1;
    const mine = asked;
    try {
      const chosen = language.value as Language;
      const answer = await context.python.ask("call", { language: chosen, ...body() });
      if (mine === asked) setText(code, answer.code);
    } catch (error) {
      setText(code, wordsOf(error));
    }
  }

  function drawSoon(): void {
    clearTimeout(timer);
    if (element.open) timer = window.setTimeout(() => void draw(), PAUSE);
  }

  element.addEventListener("toggle", drawSoon);
  language.addEventListener("change", drawSoon);
  context.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return { element, drawSoon };
}
