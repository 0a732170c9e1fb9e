import type { ConfigurationFormat, DeployIntents, DeployModel } from "../contract";
import { copyButton } from "../lib/clipboard";
import type { confirmation } from "../lib/confirm";
import { button, h } from "../lib/dom";
import type { Python } from "../lib/python";
import { DEPLOY, FILES, REPLACING } from "../lib/texts";

interface Needs {
  python: Python<DeployModel, DeployIntents>;
  say(words: string): void;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  question: ReturnType<typeof confirmation>;
  /** Puts cells below this one; undefined where there is no notebook that can be reached. */
  insert: ((sources: string[]) => void) | undefined;
}

/** The line that does what the form says, and cells that do, to be copied or inserted. */
export async function asCells(needs: Needs): Promise<HTMLElement> {
  const { python, say, insert } = needs;
  const { text, cell } = await python.ask("line", {});
  const put = button(FILES.insert);
  put.addEventListener("click", () => {
    insert?.([cell]);
    say(FILES.inserted(1));
  });
  const isWhole = Object.keys(python.get("problems")).length === 0;
  const made = isWhole ? await configurations(needs, "cell") : undefined;
  const hint = h("p", { class: "mlm-hint" }, FILES.keptBack);
  return h(
    "div",
    {},
    group(FILES.oneLine, code(DEPLOY.text, text, say), ...(insert ? [row(put)] : [])),
    ...(made ? [group(FILES.named, made)] : []),
    ...(text === cell ? [] : [hint]),
  );
}

/** The configurations that say what the form says, to be copied, and kept or written. */
export async function configurations(
  { python, say, act, question, insert }: Needs,
  format: ConfigurationFormat,
): Promise<HTMLElement | undefined> {
  const { parts, line, notes } = await python.ask("configuration", { format });
  if (format === "cell" && parts.length === 0) return undefined;
  const isCell = format === "cell";
  const write = button(isCell ? FILES.insert : FILES.write);
  const names = parts.map(([name]) => name);
  const sources = [...parts.map(([, text]) => text.trimEnd()), line];

  write.addEventListener("click", async () => {
    // Some may have come since these were shown, of this button, too.
    let existing: string[] = [];
    const find = async () => {
      ({ existing } = await python.ask("configuration", { format }));
    };
    if (!(await act(write, find, ""))) return;
    const words = REPLACING.question(existing);
    if (existing.length && !(await question.ask(words, REPLACING.yes))) return;
    const overwrite = existing.length > 0;
    const keep = async () => {
      await python.ask("write", { format, overwrite });
      if (isCell) insert?.(sources);
    };
    await act(write, keep, isCell ? FILES.inserted(sources.length) : FILES.written(names));
  });
  return h(
    "div",
    {},
    ...parts.map(([name, text]) => code(name, text.trimEnd(), say)),
    code(FILES.line, line, say),
    ...notes.map((note) => h("p", { class: "mlm-hint" }, note)),
    ...(isCell && !insert ? [] : [row(write)]),
  );
}

function group(title: string, ...parts: HTMLElement[]): HTMLElement {
  return h(
    "div",
    { class: "mlm-cells", role: "group", "aria-label": title },
    h("h3", {}, title),
    ...parts,
  );
}

function row(...parts: HTMLElement[]): HTMLElement {
  return h("div", { class: "mlm-row" }, ...parts);
}

function code(name: string, text: string, say: (words: string) => void): HTMLElement {
  const copy = copyButton(FILES.copy(name), () => text, say);
  return h(
    "div",
    {},
    row(h("strong", {}, name), copy),
    h("pre", { class: "mlm-code", tabindex: "0", "aria-label": name }, text),
  );
}
