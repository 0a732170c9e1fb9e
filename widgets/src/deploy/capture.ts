import type { DeployIntents, DeployModel } from "../contract";
import { acting } from "../lib/acting";
import { confirmation } from "../lib/confirm";
import { button, h, onEnter, setText, show } from "../lib/dom";
import { A_DAY, type Python } from "../lib/python";
import { CAPTURE, REPLACING } from "../lib/texts";
import { workingRow } from "../lib/working";

interface Needs {
  python: Python<DeployModel, DeployIntents>;
  say(words: string): void;
  signal: AbortSignal;
  /** Fulfilled once Python knows what was written last. */
  told(): Promise<unknown>;
}

type Name = NonNullable<DeployModel["work"]>["name"];

/** What is told of the form's work, where it is one of these. */
export function workOf(python: Needs["python"], ...names: Name[]) {
  const told = python.get("work");
  return told && names.includes(told.name) ? told : null;
}

/** A part that takes an executed cell as the entry script, and shows what its check says. */
export function capturing({ python, say, signal, told }: Needs) {
  // Beside their button, not at the foot of the form.
  const question = confirmation();
  const { act, trouble, fail } = acting(say);
  const cells = h("select", { class: "mlm-input", "aria-label": CAPTURE.cell });
  const file = h("input", {
    type: "text",
    class: "mlm-input",
    "aria-label": CAPTURE.file,
    spellcheck: "false",
  });
  const source = h("pre", { class: "mlm-code", tabindex: "0", "aria-label": CAPTURE.source });
  const report = h("pre", {
    class: "mlm-code",
    tabindex: "0",
    "aria-label": CAPTURE.report,
  });
  const capture = button(CAPTURE.capture);
  const none = h("p", { class: "mlm-hint" }, CAPTURE.noCell);
  const work = workingRow({
    told: () => workOf(python, "capture"),
    end: () => python.ask("cancel", {}),
    watch: (changed) => python.watch("work", changed, signal),
    act,
    fail,
  });
  const form = h(
    "div",
    {},
    h("label", { class: "mlm-field" }, h("span", {}, CAPTURE.cell), cells),
    source,
    h("label", { class: "mlm-field" }, h("span", {}, CAPTURE.file), file),
    h("div", { class: "mlm-row" }, capture, work.element),
    question.element,
    trouble,
    report,
  );
  const sources = new Map<string, string>();
  file.value = CAPTURE.fileName;
  show(report, false);

  function showSource(): void {
    setText(source, sources.get(cells.value) ?? "");
  }

  /** Look again which cells have run. */
  async function look(): Promise<void> {
    const chosen = cells.value;
    const found = await python.ask("cells", {}).catch((error: unknown) => {
      fail(String(error));
      return [];
    });
    sources.clear();
    for (const cell of found) sources.set(`${cell.number}`, cell.source);
    cells.replaceChildren(
      ...found.map(({ number, title }) => h("option", { value: `${number}` }, title)),
    );
    if (sources.has(chosen)) cells.value = chosen;
    show(form, found.length > 0);
    show(none, found.length === 0);
    showSource();
  }

  async function take(): Promise<void> {
    const wanted = { number: Number(cells.value), file: file.value };
    let existing: string[] = [];
    const find = async () => {
      await told();
      existing = await python.ask("existing", wanted);
    };
    if (!(await act(capture, find, ""))) return;
    const words = REPLACING.question(existing);
    if (existing.length && !(await question.ask(words, REPLACING.yes))) return;
    show(report, false);
    await work.run(
      capture,
      async () => {
        const overwrite = existing.length > 0;
        const { text } = await python.ask("capture", { ...wanted, overwrite }, A_DAY);
        setText(report, text);
        show(report, true);
      },
      CAPTURE.captured,
    );
  }

  cells.addEventListener("change", showSource);
  capture.addEventListener("click", () => void take());
  onEnter(file, () => capture.click());
  return { element: h("div", {}, form, none), look };
}
