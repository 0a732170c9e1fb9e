import type { ServiceRow } from "../contract";
import { h, setText } from "../lib/dom";
import { percent, rate } from "../lib/format";
import { type Line, lines } from "../lib/lines";
import { type Plot, sparkline } from "../lib/plot";
import { stateChip, stateWord } from "../lib/state";
import { SERVICES_TABLE } from "../lib/texts";

const SLOTS = 30;

/** What the table tells of clicks, and what it is told to mark. */
export interface Choices {
  chosen: ReadonlySet<string>;
  opened: string;
  choose(name: string, isChosen: boolean): void;
  open(name: string): void;
}

/** The table of services: a line is made once per service and changed in place. */
export function servicesTable(choices: () => Choices) {
  const all = h("input", { type: "checkbox", "aria-label": SERVICES_TABLE.chooseAll });
  const body = h("tbody");
  const drawLines = lines<ServiceRow>(
    body,
    (row) => row.name,
    () => lineOf(choices),
  );
  let shown: ServiceRow[] = [];
  const element = h(
    "table",
    { class: "mlm-table" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}, all),
        ...Object.entries(SERVICES_TABLE.columns).map(([column, title]) =>
          h("th", { scope: "col", "data-column": column }, title),
        ),
      ),
    ),
    body,
  );

  all.addEventListener("change", () => {
    const isChosen = all.checked; // each choice draws the table, and this box with it
    for (const row of shown) choices().choose(row.name, isChosen);
  });

  return {
    element,
    draw(rows: ServiceRow[]): void {
      shown = rows;
      drawLines(rows);
      const count = rows.filter((row) => choices().chosen.has(row.name)).length;
      all.checked = count > 0 && count === rows.length;
      all.indeterminate = count > 0 && count < rows.length;
      all.disabled = rows.length === 0;
    },
  };
}

function lineOf(choices: () => Choices): Line<ServiceRow> {
  let name = "";
  const check = h("input", { type: "checkbox" });
  const open = h("button", { type: "button", class: "mlm-link mlm-open" });
  const chip = stateChip();
  const reason = h("span", { class: "mlm-why" });
  const ready = h("td", { "data-column": "ready" });
  const plot: Plot = sparkline();
  const figure = h("span", { class: "mlm-figure" });
  const models = h("td", { "data-column": "models" });
  const target = h("td", { "data-column": "target" });
  const element = h(
    "tr",
    {},
    h("td", {}, check),
    h("th", { scope: "row" }, open),
    h("td", {}, chip.element, reason),
    ready,
    h("td", { class: "mlm-requests" }, plot.element, figure),
    models,
    target,
  );
  check.addEventListener("change", () => choices().choose(name, check.checked));
  open.addEventListener("click", () => choices().open(name));

  return {
    element,
    draw(row) {
      const { chosen, opened } = choices();
      name = row.name;
      check.checked = chosen.has(name);
      check.setAttribute("aria-label", SERVICES_TABLE.choose(name));
      setText(open, name);
      open.setAttribute("aria-expanded", String(opened === name));
      const tone = chip.set(stateWord(row));
      setText(reason, tone === "bad" || tone === "warn" ? row.reason : "");
      chip.element.title = row.message;
      setText(ready, row.wanted ? SERVICES_TABLE.ready(row.ready, row.wanted) : "–");
      const now = row.rates.at(-1);
      const failing = row.errors.at(-1) ?? 0;
      plot.draw(row.rates, SLOTS, SERVICES_TABLE.plot(rate(now ?? 0)));
      const figures = now === undefined ? "–" : rate(now);
      const isFailing = now !== undefined && failing > 0;
      setText(figure, isFailing ? SERVICES_TABLE.failing(figures, percent(failing)) : figures);
      figure.dataset.tone = failing ? "bad" : "calm";
      setText(models, row.models.join(", "));
      models.title = row.models.join(", ");
      setText(target, row.target);
    },
  };
}
