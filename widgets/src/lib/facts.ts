import { h } from "./dom";

/** What is known of a thing: labels with texts. */
export function factList(facts: [label: string, text: string][]): HTMLElement {
  return h(
    "dl",
    { class: "mlm-facts" },
    ...facts.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text))),
  );
}
