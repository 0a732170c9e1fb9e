/** The panel of a result: its facts, its tables with a search over all of them, its lines. */

import type { Block, ResultModel } from "./contract";
import { definition, type View } from "./lib/definition";
import { h, setText, show } from "./lib/dom";
import { factList } from "./lib/facts";
import type { Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { RESULT } from "./lib/texts";
import { hasWords } from "./lib/words";

type Door = Python<ResultModel, Record<never, never>>;
type Ui = { text: string };
type Table = Extract<Block, { kind: "table" }>;

/** Below that many rows nobody needs a search. */
const MANY_ROWS = 8;

export default definition<ResultModel, Record<never, never>, Store<Ui>>(draw, () =>
  createStore<Ui>({ text: "" }),
);

function draw(python: Door, { place, signal }: View, ui: Store<Ui>): void {
  const name = h("h2", { class: "mlm-name" });
  const input = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: RESULT.searchHint,
    "aria-label": RESULT.search,
  });
  const count = h("span", { class: "mlm-place", role: "status" });
  const body = h("div");
  const bar = h("header", { class: "mlm-bar" }, name, input, count);
  const parts = frame(place, signal, "mlm-result-panel", bar, body);

  function update(): void {
    const title = python.get("title");
    const blocks = python.get("blocks");
    const { text } = ui.value;
    const tables = blocks.filter((block): block is Table => block.kind === "table");
    const all = tables.reduce((sum, { rows }) => sum + rows.length, 0);
    const found = tables.reduce((sum, { rows }) => sum + chosen(rows, text).length, 0);
    setText(name, title);
    parts.root.setAttribute("aria-label", title);
    if (input.value !== text) input.value = text;
    show(input, all >= MANY_ROWS || text !== "");
    show(count, all >= MANY_ROWS || text !== "");
    setText(count, RESULT.count(found, all));
    body.replaceChildren(...blocks.map((block) => drawn(block, text)));
  }

  input.addEventListener("input", () => ui.set({ text: input.value }));
  ui.subscribe(update, signal);
  python.watch("blocks", update, signal);
  python.watch("title", update, signal);
  followConnection(parts, python, RESULT.kernelGone, () => python.get("checked"), signal);
  update();
}

function chosen(rows: string[][], text: string): string[][] {
  return rows.filter((row) => hasWords(row, text));
}

function drawn(block: Block, text: string): HTMLElement {
  if (block.kind === "facts") return factList(block.facts);
  if (block.kind === "lines") {
    const lines = h("pre", { class: "mlm-text" }, block.text);
    show(lines, block.text !== "");
    return lines;
  }
  const rows = chosen(block.rows, text);
  if (rows.length === 0) {
    const words = block.rows.length ? RESULT.noMatch : block.empty;
    return h("p", { class: "mlm-empty" }, words);
  }
  const titles = block.columns.map((title) => h("th", { scope: "col" }, title));
  return h(
    "table",
    { class: "mlm-table" },
    h("thead", {}, h("tr", {}, ...titles)),
    h("tbody", {}, ...rows.map(line)),
  );
}

function line([first = "", ...others]: string[]): HTMLElement {
  const cells = others.map((text) => h("td", {}, text));
  return h("tr", {}, h("th", { scope: "row" }, first), ...cells);
}
