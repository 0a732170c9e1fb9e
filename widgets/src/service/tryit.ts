import type { Answer, Snapshot } from "../contract";
import { h, icon, setText, show } from "../lib/dom";
import { milliseconds, pretty } from "../lib/format";
import { type Context, foldable, isServing, type Section } from "./section";

const SECONDS = 90;

/** Send the sample, or what the user makes of it, and show the answer. */
export function tryIt(context: Context): Section {
  let sample = "";
  const body = h("textarea", {
    class: "mlm-body",
    rows: "6",
    spellcheck: "false",
    "aria-label": "Request body",
    placeholder: '{"data": [[1, 2, 3]]}',
  });
  const run = h("button", { type: "button", class: "mlm-run" }, icon("play"), "Run");
  const reset = h("button", { type: "button", class: "mlm-link" }, "Reset to the sample");
  const answer = h("pre", { class: "mlm-answer", tabindex: "0", "aria-label": "Answer" });
  const figures = h("span", { class: "mlm-figures" });
  const { element, remark } = foldable(
    context,
    "try",
    "Try it",
    h(
      "div",
      { class: "mlm-exchange" },
      h("div", { class: "mlm-half" }, h("span", { class: "mlm-caption" }, "Request"), body),
      h(
        "div",
        { class: "mlm-half" },
        h("span", { class: "mlm-caption" }, "Answer", figures),
        answer,
      ),
    ),
    h("div", { class: "mlm-toolbar" }, run, h("kbd", {}, "Ctrl+Enter"), reset),
  );

  function edited(): void {
    const text = body.value === sample ? null : body.value;
    context.ui.set({ body: text });
    show(reset, text !== null && sample !== "");
  }

  async function send(): Promise<void> {
    if (run.disabled) return;
    run.setAttribute("aria-busy", "true");
    run.disabled = true;
    try {
      showAnswer(await context.python.ask("try", { body: body.value }, SECONDS));
    } catch (error) {
      showFailure(error instanceof Error ? error.message : String(error));
    } finally {
      run.removeAttribute("aria-busy");
      run.disabled = false;
    }
  }

  function showAnswer({ status, milliseconds: spent, body: text }: Answer): void {
    setText(answer, pretty(text));
    answer.dataset.tone = status < 400 ? "good" : "bad";
    setText(figures, `${status} · ${milliseconds(spent)}`);
    figures.dataset.tone = answer.dataset.tone;
    context.say(`Answer ${status} in ${milliseconds(spent)}.`);
  }

  function showFailure(words: string): void {
    setText(answer, words);
    answer.dataset.tone = "bad";
    setText(figures, "no answer");
    figures.dataset.tone = "bad";
    context.say(words);
  }

  body.addEventListener("input", edited);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
  });
  run.addEventListener("click", () => void send());
  reset.addEventListener("click", () => {
    body.value = sample;
    edited();
    body.focus();
  });

  return {
    element,
    update(snapshot: Snapshot) {
      sample = snapshot.sample ? pretty(snapshot.sample.text) : "";
      const text = context.ui.value.body ?? sample;
      if (body.value !== text) body.value = text;
      setText(remark, snapshot.sample ? snapshot.sample.mediaType : "");
      show(reset, context.ui.value.body !== null && sample !== "");
      show(element, isServing(snapshot));
    },
  };
}
