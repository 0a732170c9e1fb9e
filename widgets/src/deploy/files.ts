import type { ConfigurationFormat, DeployIntents, DeployModel } from "../contract";
import { copyButton } from "../lib/clipboard";
import type { confirmation } from "../lib/confirm";
import { button, h } from "../lib/dom";
import type { Python } from "../lib/python";
import { FILES, REPLACING } from "../lib/texts";

interface Needs {
  python: Python<DeployModel, DeployIntents>;
  say(words: string): void;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  question: ReturnType<typeof confirmation>;
}

/** The configuration files that say what the form says, to be copied or written. */
export async function configurationFiles(
  { python, say, act, question }: Needs,
  format: ConfigurationFormat,
): Promise<HTMLElement> {
  const { files, line, notes } = await python.ask("configuration", { format });
  const write = button(FILES.write);
  const names = files.map(([name]) => name);

  write.addEventListener("click", async () => {
    // Files may have come since these were shown, of this button, too.
    let existing: string[] = [];
    const find = async () => {
      ({ existing } = await python.ask("configuration", { format }));
    };
    if (!(await act(write, find, ""))) return;
    const words = REPLACING.question(existing);
    if (existing.length && !(await question.ask(words, REPLACING.yes))) return;
    const overwrite = existing.length > 0;
    await act(write, () => python.ask("write", { format, overwrite }), FILES.written(names));
  });
  return h(
    "div",
    {},
    ...files.flatMap(([name, text]) => shown(name, text, say)),
    ...shown(FILES.line, line, say),
    ...notes.map((note) => h("p", { class: "mlm-hint" }, note)),
    h("div", { class: "mlm-row" }, write),
  );
}

function shown(name: string, text: string, say: (words: string) => void): HTMLElement[] {
  const copy = copyButton(FILES.copy(name), () => text, say);
  return [
    h("div", { class: "mlm-row" }, h("strong", {}, name), copy),
    h("pre", { class: "mlm-code", tabindex: "0", "aria-label": name }, text),
  ];
}
