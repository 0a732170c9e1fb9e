import type { ModelRow } from "../contract";
import { h, setText } from "../lib/dom";
import { bytes, moment } from "../lib/format";
import { type Line, lines } from "../lib/lines";
import { MODELS_TABLE } from "../lib/texts";

/** What the table tells of clicks, and what it is told to mark. */
export interface Choices {
  chosen: readonly string[];
  opened: string;
  choose(id: string, isChosen: boolean): void;
  open(id: string): void;
  find(text: string): void;
}

export function modelsTable(choices: () => Choices) {
  const body = h("tbody");
  const titles = Object.entries(MODELS_TABLE.columns).map(([column, title]) =>
    h("th", { scope: "col", "data-column": column }, title),
  );
  const element = h(
    "table",
    { class: "mlm-table" },
    h("thead", {}, h("tr", {}, h("td"), ...titles)),
    body,
  );
  const draw = lines<ModelRow>(
    body,
    (row) => row.id,
    () => lineOf(choices),
  );
  return { element, draw };
}

function lineOf(choices: () => Choices): Line<ModelRow> {
  let id = "";
  const check = h("input", { type: "checkbox" });
  const open = h("button", { type: "button", class: "mlm-link mlm-open" });
  const aliases = h("span", { class: "mlm-detail" });
  const framework = h("td", { "data-column": "framework" });
  const size = h("td", { "data-column": "size" });
  const tags = h("td", { "data-column": "tags" });
  const made = h("td", { "data-column": "registered" });
  check.addEventListener("change", () => choices().choose(id, check.checked));
  open.addEventListener("click", () => choices().open(id));
  const name = h("th", { scope: "row" }, open, " ", aliases);
  return {
    element: h("tr", {}, h("td", {}, check), name, framework, size, tags, made),
    draw(row) {
      const { chosen, opened, find } = choices();
      id = row.id;
      check.checked = chosen.includes(id);
      check.setAttribute("aria-label", MODELS_TABLE.choose(id));
      setText(open, id);
      open.setAttribute("aria-expanded", String(opened === id));
      setText(aliases, row.aliases.map((alias) => `@${alias}`).join(" "));
      setText(framework, row.framework);
      setText(size, bytes(row.size));
      setText(made, moment(row.createdAt));
      const words = row.tags.map(([key, value]) => `${key}=${value}`);
      if (tags.textContent !== words.join(""))
        tags.replaceChildren(...words.map((text) => tagChip(text, find)));
    },
  };
}

/** A tag as a chip; a click looks for others that have it. */
export function tagChip(text: string, find: (text: string) => void): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: "mlm-tag",
      title: MODELS_TABLE.findTag(text),
      onclick: () => find(text),
    },
    text,
  );
}
