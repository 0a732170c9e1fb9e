import { button, h, setText, show } from "./dom";
import { QUESTION } from "./texts";

/** A question in the panel itself, asked before something is lost; Escape and "Keep" answer no. */
export function confirmation() {
  const words = h("p", { class: "mlm-question" });
  const yes = h("button", { type: "button", class: "mlm-button mlm-danger" });
  const no = button(QUESTION.no);
  const typed = h("input", { type: "text", class: "mlm-input", spellcheck: "false" });
  const element = h(
    "div",
    { class: "mlm-confirm", role: "alertdialog" },
    words,
    h("div", { class: "mlm-row" }, typed, yes, no),
  );
  let answer: (isYes: boolean) => void = () => {};
  let wanted: string | null = null;
  let before: Element | null = null;
  show(element, false);

  function end(isYes: boolean): void {
    if (element.hidden || (isYes && yes.disabled)) return;
    show(element, false);
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    answer(isYes);
  }

  yes.addEventListener("click", () => end(true));
  no.addEventListener("click", () => end(false));
  typed.addEventListener("input", () => {
    yes.disabled = typed.value !== wanted;
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end(false);
    else if (event.key === "Enter" && event.target === typed) end(true);
    else return;
    event.stopPropagation();
  });

  return {
    element,
    /** Ask; with a name, the user has to type it first. */
    ask(question: string, action: string, name: string | null = null): Promise<boolean> {
      answer(false);
      before = document.activeElement;
      wanted = name;
      setText(words, question);
      setText(yes, action);
      element.setAttribute("aria-label", question);
      typed.value = "";
      typed.setAttribute("aria-label", QUESTION.typeName(name ?? ""));
      typed.placeholder = name ?? "";
      show(typed, name !== null);
      yes.disabled = name !== null;
      show(element, true);
      (name === null ? no : typed).focus();
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  };
}
