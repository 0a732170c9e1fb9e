import type { Field } from "../contract";
import { h, onEnter, setText, show } from "../lib/dom";
import { FIELD } from "../lib/texts";

const PAUSE = 300;
// Jupyter loads this module anew for each panel of a page: a count alone would repeat.
const OWN = Math.random().toString(36).slice(2);
let made = 0;

/**
 * One field of the form: its control, its help, and what is wrong with it. `entered` is called once
 * Enter was pressed in its line.
 */
export function fieldOf(field: Field, changed: (value: string) => void, entered: () => void) {
  made += 1;
  const id = `mlm-field-${OWN}-${made}`;
  const list = h("datalist", { id: `${id}-list` });
  const control = controlOf(field);
  const kept = h("div", { class: "mlm-hint" });
  const problem = h("span", { class: "mlm-problem", id: `${id}-problem`, role: "alert" });
  let timer = 0;
  let touched = false;
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-unit ${id}-help ${id}-problem`);
  if (control instanceof HTMLInputElement && control.type === "text") {
    control.setAttribute("list", list.id);
    onEnter(control, () => {
      tell();
      entered();
    });
  }

  function read(): string {
    if (control instanceof HTMLInputElement && control.type === "checkbox")
      return control.checked ? "true" : "";
    return control.value;
  }

  function tell(): void {
    clearTimeout(timer);
    touched = true;
    timer = 0;
    changed(read());
  }

  control.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(tell, PAUSE);
  });
  control.addEventListener("change", tell);
  return {
    label: field.label,
    element: h(
      "div",
      { class: "mlm-field" },
      h("label", { for: id }, field.label),
      h(
        "div",
        {},
        h(
          "div",
          { class: "mlm-measured" },
          control,
          h("span", { class: "mlm-hint", id: `${id}-unit` }, field.unit),
        ),
        list,
        problem,
        kept,
        h("div", { class: "mlm-hint", id: `${id}-help` }, field.help),
      ),
    ),
    /** Lead the user here, though nothing was filled in yet. */
    lead(): void {
      touched = true;
      control.closest("details")?.toggleAttribute("open", true);
      control.focus();
    },
    /** Take what may change while the field stays. */
    renew({ suggestions, kept: names }: Field): void {
      list.replaceChildren(...suggestions.map((value) => h("option", { value })));
      setText(kept, FIELD.kept(names));
      show(kept, names !== "");
    },
    update(value: string, words: string): void {
      const isCheck = control instanceof HTMLInputElement && control.type === "checkbox";
      if (isCheck) control.checked = value === "true";
      else if (timer === 0 && !field.private && control.value !== value) control.value = value;
      // What was never filled in is no mistake yet.
      const shown = touched || value !== "" ? words : "";
      setText(problem, shown);
      show(problem, shown !== "");
      control.setAttribute("aria-invalid", String(shown !== ""));
    },
  };
}

function controlOf(field: Field): HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement {
  if (field.kind === "flag") return h("input", { type: "checkbox", class: "mlm-check" });
  if (field.choices.length)
    return h(
      "select",
      { class: "mlm-input" },
      h("option", { value: "" }, FIELD.default(field.default)),
      ...field.choices.map((choice) => h("option", {}, choice)),
    );
  const placeholder = field.default || field.placeholder;
  if (field.many && field.name !== "models")
    return h("textarea", { class: "mlm-input mlm-many", rows: "1", placeholder });
  return h("input", { type: "text", class: "mlm-input", placeholder, spellcheck: "false" });
}
