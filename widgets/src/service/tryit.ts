import type { Answer, Body, Schema, Snapshot } from "../contract";
import { acting } from "../lib/acting";
import { fill, h, icon, setText, show } from "../lib/dom";
import { bytes, milliseconds, pretty } from "../lib/format";
import { tabs } from "../lib/tabs";
import { TRY } from "../lib/texts";
import { calls } from "./calls";
import { blank, formOf } from "./form";
import { type Context, foldable, isServing, type Section, type Ui } from "./section";

const SECONDS = 90;
const JSON_TYPE = "application/json";
const LARGEST_FILE = 8_000_000;

/** Send the sample, or what the user makes of it, and show the answer. */
export function tryIt(context: Context): Section {
  const { act } = acting(context.say, showFailure);
  let sample = "";
  let schema: Schema | null = null;
  let described = 0;
  const body = h("textarea", {
    class: "mlm-body",
    rows: "6",
    spellcheck: "false",
    "aria-label": TRY.body,
    placeholder: TRY.bodyExample,
  });
  const form = h("div", { class: "mlm-form" });
  const file = h("input", { type: "file", "aria-label": TRY.file });
  const fileNote = h("p", { class: "mlm-hint" }, TRY.fileHint);
  const filePart = h("div", {}, file, fileNote);
  const choice = tabs<Ui["mode"]>(TRY.modes, TRY.modeNames, (mode) => {
    context.ui.set({ mode });
    drawMode();
  });
  const run = h("button", { type: "button", class: "mlm-button mlm-run" }, icon("play"), TRY.run);
  const reset = h("button", { type: "button", class: "mlm-link" }, TRY.reset);
  const answer = h("pre", {
    class: "mlm-answer",
    role: "group",
    tabindex: "0",
    "aria-label": TRY.answer,
    "data-empty": TRY.answerToCome,
  });
  const headers = h("ul", { class: "mlm-headers" });
  const headersPart = h(
    "details",
    { class: "mlm-calls" },
    h("summary", {}, icon("chevron"), TRY.headers),
    headers,
  );
  const figures = h("span", { class: "mlm-figures" });
  const code = calls(context, () => ({ body: compact(body.value), mediaType: JSON_TYPE }));
  show(headersPart, false);
  const { element, remark } = foldable(
    context,
    "try",
    TRY.title,
    h(
      "div",
      { class: "mlm-exchange" },
      h(
        "div",
        { class: "mlm-half" },
        h("span", { class: "mlm-caption" }, choice.element),
        body,
        form,
        filePart,
      ),
      h(
        "div",
        { class: "mlm-half" },
        h("span", { class: "mlm-caption" }, TRY.answer, figures),
        answer,
        headersPart,
      ),
    ),
    h("div", { class: "mlm-toolbar" }, run, h("kbd", {}, TRY.runKeys), reset),
    code.element,
  );

  function drawMode(): void {
    const { mode } = context.ui.value;
    choice.mark(mode);
    show(body, mode === "json");
    show(form, mode === "form");
    show(filePart, mode === "file");
    if (mode === "form") drawForm();
  }

  function drawForm(): void {
    const value = readable(body.value, schema);
    if (value === undefined) form.replaceChildren(h("p", {}, TRY.notJson));
    else
      form.replaceChildren(
        formOf(schema ?? undefined, value, isPlain(value) ? "" : TRY.form, (next) => {
          body.value = pretty(JSON.stringify(next));
          edited();
        }),
      );
  }

  function edited(): void {
    const text = body.value === sample ? null : body.value;
    context.ui.set({ body: text });
    show(reset, text !== null && sample !== "");
    code.drawSoon();
  }

  async function request(): Promise<Body> {
    if (context.ui.value.mode !== "file") {
      if (body.value.trim() === "") throw new Error(TRY.noBody);
      return { body: body.value, mediaType: JSON_TYPE };
    }
    const chosen = file.files?.[0];
    if (!chosen) throw new Error(TRY.noFile);
    if (chosen.size > LARGEST_FILE)
      throw new Error(TRY.fileTooLarge(bytes(chosen.size), bytes(LARGEST_FILE)));
    return { file: await base64(chosen), mediaType: chosen.type || "application/octet-stream" };
  }

  async function send(): Promise<void> {
    await act(
      run,
      async () => showAnswer(await context.python.ask("try", await request(), SECONDS)),
      "",
    );
  }

  function showAnswer({ status, milliseconds: spent, body: text, headers: sent }: Answer): void {
    setText(answer, pretty(text));
    answer.dataset.tone = status < 400 ? "good" : "bad";
    setText(figures, `${status} · ${milliseconds(spent)}`);
    figures.dataset.tone = answer.dataset.tone;
    fill(headers, sent.length, () => h("li")).forEach((line, index) => {
      setText(line, (sent[index] ?? []).join(": "));
    });
    show(headersPart, sent.length > 0);
    context.say(TRY.answered(status, milliseconds(spent)));
  }

  function showFailure(words: string): void {
    setText(answer, words);
    answer.dataset.tone = "bad";
    setText(figures, TRY.notAnswered);
    figures.dataset.tone = "bad";
    show(headersPart, false);
    context.say(words);
  }

  /** Ask what requests look like, once for each revision that answers. */
  async function describe(generation: number): Promise<void> {
    described = generation;
    try {
      schema = (await context.python.ask("schema", {})).schema;
    } catch {
      schema = null; // the form follows the request itself
    }
    if (context.ui.value.mode === "form") drawForm();
  }

  body.addEventListener("input", edited);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
  });
  run.addEventListener("click", () => void send());
  reset.addEventListener("click", () => {
    body.value = sample;
    edited();
    drawMode();
    run.focus();
  });
  drawMode();

  return {
    element,
    update(snapshot: Snapshot) {
      sample = snapshot.sample ? pretty(snapshot.sample.text) : "";
      const text = context.ui.value.body ?? sample;
      if (body.value !== text) {
        body.value = text;
        drawMode();
      }
      setText(remark, snapshot.sample ? snapshot.sample.mediaType : "");
      show(reset, context.ui.value.body !== null && sample !== "");
      show(element, isServing(snapshot));
      if (isServing(snapshot) && snapshot.generation !== described)
        void describe(snapshot.generation);
    },
  };
}

function readable(text: string, schema: Schema | null): unknown {
  if (text.trim() === "") return blank(schema ?? undefined);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON on one line, for code; other text as it is. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(new Error(TRY.fileUnreadable(reader.error?.message)));
    reader.readAsDataURL(file);
  });
}
