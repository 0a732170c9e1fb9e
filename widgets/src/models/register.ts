import type { ModelsIntents, ModelsModel, Registration } from "../contract";
import { h, show } from "../lib/dom";
import { bytes } from "../lib/format";
import { A_DAY, type Python } from "../lib/python";
import { REGISTER } from "../lib/texts";
import { working } from "../lib/working";

interface Needs {
  python: Python<ModelsModel, ModelsIntents>;
  signal: AbortSignal;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  fail(words: string): void;
  registered(id: string, outcome: string): void;
}

/** A small form that registers a file or a folder of the kernel's machine. */
export function registration({ python, signal, act, fail, registered }: Needs) {
  const path = input(REGISTER.path, REGISTER.pathExample);
  const name = input(REGISTER.name, REGISTER.nameExample);
  const tags = input(REGISTER.tags, REGISTER.tagsExample);
  const submit = h("button", { type: "submit", class: "mlm-button" }, REGISTER.register);
  const work = working({
    told: () => python.get("registration"),
    words: wordsFor,
    end: () => python.ask("cancel", {}),
    act,
    fail,
  });
  const element = h(
    "form",
    { class: "mlm-register" },
    field(REGISTER.path, path),
    field(REGISTER.name, name),
    field(REGISTER.tags, tags),
    work.progress,
    h("div", { class: "mlm-row" }, submit, work.cancel),
  );
  show(element, false);

  function draw(): void {
    const wasShown = !work.progress.hidden;
    work.draw();
    const told = python.get("registration");
    // Of another page's, or from before a reload, nothing else is told here.
    if (told === null && wasShown && !work.isAsked()) show(element, false);
    if (work.running() !== null) show(element, true);
  }

  function toggle(): void {
    show(element, element.hidden !== false);
    if (!element.hidden) path.focus();
  }

  async function register(): Promise<void> {
    const values = { path: path.value, name: name.value, tags: tags.value };
    const ask = async () => {
      const { id, outcome } = await python.ask("register", values, A_DAY);
      element.reset();
      show(element, false);
      registered(id, outcome);
    };
    const isDone = await work.run(submit, ask, "");
    if (!isDone) [path, name].find((each) => each.value.trim() === "")?.focus();
  }

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void register();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault(); // JupyterLab 4.6 keeps the page from doing this itself
    element.requestSubmit();
  });
  work.cancel.addEventListener("click", () => {
    if (work.stop()) return;
    fail("");
    toggle();
  });
  python.watch("registration", draw, signal);
  draw();
  return { element, toggle };
}

function wordsFor({ name, stage, done, total }: Registration): string {
  const doing = REGISTER.stages[stage];
  if (stage === "cancelling" || stage === "") return REGISTER.underWay(name, doing);
  return REGISTER.far(name, doing, bytes(done), total > 0 ? bytes(total) : "");
}

function input(label: string, placeholder: string): HTMLInputElement {
  return h("input", { class: "mlm-input", "aria-label": label, placeholder, spellcheck: "false" });
}

function field(label: string, place: HTMLElement): HTMLElement {
  return h("label", { class: "mlm-field" }, h("span", {}, label), place);
}
