import type { ModelsIntents, ModelsModel, Registration } from "../contract";
import { button, h, setText, show } from "../lib/dom";
import { bytes } from "../lib/format";
import type { Python } from "../lib/python";
import { REGISTER } from "../lib/texts";

interface Needs {
  python: Python<ModelsModel, ModelsIntents>;
  signal: AbortSignal;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  fail(words: string): void;
  registered(id: string, outcome: string): void;
}

// Large files take hours on slow ways; the form tells how far they are.
const A_DAY = 86_400;

/** A small form that registers a file or a folder of the kernel's machine. */
export function registration({ python, signal, act, fail, registered }: Needs) {
  const path = input(REGISTER.path, REGISTER.pathExample);
  const name = input(REGISTER.name, REGISTER.nameExample);
  const tags = input(REGISTER.tags, REGISTER.tagsExample);
  const submit = h("button", { type: "submit", class: "mlm-button" }, REGISTER.register);
  const cancel = button(REGISTER.cancel);
  const bar = h("progress", { "aria-label": REGISTER.progress });
  const far = h("span");
  const progress = h("p", { class: "mlm-row" }, bar, far);
  show(progress, false);
  // What is cancelled before Python has begun is cancelled when it has.
  let isAsked = false;
  let wantsEnd = false;
  let problem = "";
  const element = h(
    "form",
    { class: "mlm-register" },
    field(REGISTER.path, path),
    field(REGISTER.name, name),
    field(REGISTER.tags, tags),
    progress,
    h("div", { class: "mlm-row" }, submit, cancel),
  );
  show(element, false);

  function running(): Registration | null {
    const told = python.get("registration");
    return told?.problem === "" ? told : null;
  }

  function draw(): void {
    const told = running();
    const news = python.get("registration")?.problem ?? "";
    if (news !== problem) {
      problem = news;
      fail(news);
    }
    // Of another page's, or from before a reload, nothing else is told here.
    if (told === null && !progress.hidden && !isAsked && news === "") show(element, false);
    show(progress, told !== null);
    if (told === null) return;
    show(element, true);
    setText(far, wordsFor(told));
    if (told.total > 0) {
      bar.max = told.total;
      bar.value = told.done;
    } else bar.toggleAttribute("value", false);
    if (wantsEnd) end();
  }

  function end(): void {
    wantsEnd = running() === null;
    if (running() === null || running()?.stage === "cancelling") return;
    void act(cancel, () => python.ask("cancel", {}), "");
  }

  function toggle(): void {
    show(element, element.hidden !== false);
    if (!element.hidden) path.focus();
  }

  async function register(): Promise<void> {
    if (running() !== null) return;
    isAsked = true;
    wantsEnd = false;
    const values = { path: path.value, name: name.value, tags: tags.value };
    await act(
      submit,
      async () => {
        const { id, outcome } = await python.ask("register", values, A_DAY);
        element.reset();
        show(element, false);
        registered(id, outcome);
      },
      "",
    );
    isAsked = false;
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
  cancel.addEventListener("click", () => {
    if (isAsked || running() !== null) {
      end();
      return;
    }
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
