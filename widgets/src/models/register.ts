import type { ModelsIntents, ModelsModel } from "../contract";
import { button, h, show } from "../lib/dom";
import type { Python } from "../lib/python";
import { REGISTER } from "../lib/texts";

interface Needs {
  python: Python<ModelsModel, ModelsIntents>;
  act(button: HTMLButtonElement, action: () => Promise<unknown>, done: string): Promise<boolean>;
  fail(words: string): void;
  registered(id: string, outcome: string): void;
}

/** A small form that registers a file or a folder of the kernel's machine. */
export function registration({ python, act, fail, registered }: Needs) {
  const path = input(REGISTER.path, REGISTER.pathExample);
  const name = input(REGISTER.name, REGISTER.nameExample);
  const tags = input(REGISTER.tags, REGISTER.tagsExample);
  const submit = h("button", { type: "submit", class: "mlm-button" }, REGISTER.register);
  const cancel = button(REGISTER.cancel);
  const element = h(
    "form",
    { class: "mlm-register" },
    field(REGISTER.path, path),
    field(REGISTER.name, name),
    field(REGISTER.tags, tags),
    h("div", { class: "mlm-row" }, submit, cancel),
  );
  show(element, false);

  function toggle(): void {
    show(element, element.hidden !== false);
    if (!element.hidden) path.focus();
  }

  async function register(): Promise<void> {
    const values = { path: path.value, name: name.value, tags: tags.value };
    await act(
      submit,
      async () => {
        const { id, outcome } = await python.ask("register", values, 600);
        element.reset();
        show(element, false);
        registered(id, outcome);
      },
      "",
    );
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
    fail("");
    toggle();
  });
  return { element, toggle };
}

function input(label: string, placeholder: string): HTMLInputElement {
  return h("input", { class: "mlm-input", "aria-label": label, placeholder, spellcheck: "false" });
}

function field(label: string, place: HTMLElement): HTMLElement {
  return h("label", { class: "mlm-field" }, h("span", {}, label), place);
}
