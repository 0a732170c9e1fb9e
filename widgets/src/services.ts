/** The panel of all services: how each fares, a filter, one opened beneath, several deleted. */

import type { ServiceRow, ServicesIntents, ServicesModel } from "./contract";
import { acting } from "./lib/acting";
import { child } from "./lib/child";
import { confirmation } from "./lib/confirm";
import { definition, type View } from "./lib/definition";
import { h, setText, show } from "./lib/dom";
import type { Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { SERVICES } from "./lib/texts";
import { wordsOf } from "./lib/words";
import { matches } from "./services/filter";
import { servicesTable } from "./services/table";

type Door = Python<ServicesModel, ServicesIntents>;

interface Ui {
  filter: string;
  chosen: ReadonlySet<string>;
}

const DELETE_SECONDS = 120;

export default definition<ServicesModel, ServicesIntents, Store<Ui>>(draw, () =>
  createStore<Ui>({ filter: "", chosen: new Set() }),
);

function draw(python: Door, { place, signal, host }: View, ui: Store<Ui>): void {
  const filter = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: SERVICES.filterHint,
    "aria-label": SERVICES.filter,
  });
  const count = h("span", { class: "mlm-place" });
  const remove = h("button", { type: "button", class: "mlm-button mlm-danger" });
  const empty = h("p", { class: "mlm-empty" });
  const trouble = h("ul", { class: "mlm-trouble", role: "alert" });
  const question = confirmation();
  const table = servicesTable(() => ({
    ...ui.value,
    opened: python.get("opened"),
    choose,
    open: (name) => void toggle(name),
  }));
  const parts = frame(
    place,
    signal,
    "mlm-services",
    h(
      "header",
      { class: "mlm-bar" },
      h("h2", { class: "mlm-name" }, SERVICES.title),
      filter,
      count,
      remove,
    ),
    question.element,
    trouble,
    table.element,
    empty,
  );
  parts.root.setAttribute("aria-label", SERVICES.title);
  let asksPanel = false; // in this view, of maybe several
  const panel = child(python, "panel", host, signal, () => {
    // The table may be longer than the window.
    if (asksPanel) panel.querySelector("h2")?.scrollIntoView({ block: "nearest" });
    asksPanel = false;
  });
  place.append(panel);

  function shown(): ServiceRow[] {
    return python.get("services").filter((row) => matches(row, ui.value.filter));
  }

  function update(): void {
    const all = python.get("services");
    const rows = shown();
    const names = new Set(all.map((row) => row.name));
    const chosen = [...ui.value.chosen].filter((name) => names.has(name));
    if (filter.value !== ui.value.filter) filter.value = ui.value.filter;
    table.draw(rows);
    show(table.element, rows.length > 0);
    show(empty, rows.length === 0);
    setText(empty, all.length ? SERVICES.noMatch : SERVICES.none);
    setText(count, SERVICES.count(rows.length, all.length));
    setText(remove, SERVICES.delete(chosen.length));
    show(remove, chosen.length > 0);
  }

  function choose(name: string, isChosen: boolean): void {
    const chosen = new Set(ui.value.chosen);
    if (isChosen) chosen.add(name);
    else chosen.delete(name);
    ui.set({ chosen });
  }

  async function toggle(name: string): Promise<void> {
    const isOpen = python.get("opened") === name;
    asksPanel = !isOpen;
    try {
      await python.ask("open", { name: isOpen ? "" : name });
      if (!isOpen) parts.say(SERVICES.opened(name));
    } catch (error) {
      tell({ [name]: wordsOf(error) });
    }
  }

  function tell(failures: Record<string, string>): void {
    const lines = Object.entries(failures).map(([name, words]) =>
      h("li", {}, h("strong", {}, name), ` ${words}`),
    );
    trouble.replaceChildren(...lines);
    show(trouble, lines.length > 0);
  }

  async function removeChosen(): Promise<void> {
    if (remove.ariaBusy === "true") return; // nothing is asked that would not be done
    const here = new Set(python.get("services").map((row) => row.name));
    const names = [...ui.value.chosen].filter((name) => here.has(name)).sort();
    if (!(await question.ask(SERVICES.deleteQuestion(names), SERVICES.deleteYes(names)))) return;
    const { act } = acting(parts.say, (words) => tell({ [names.join(", ")]: words }));
    await act(
      remove,
      async () => {
        tell({});
        const failures = await python.ask("delete", { names }, DELETE_SECONDS);
        tell(failures);
        ui.set({ chosen: new Set() });
        const gone = names.length - Object.keys(failures).length;
        parts.say(SERVICES.deleted(gone));
      },
      "",
    );
  }

  filter.addEventListener("input", () => ui.set({ filter: filter.value }));
  remove.addEventListener("click", () => void removeChosen());
  ui.subscribe(update, signal);
  python.watch("services", update, signal);
  followConnection(parts, python, SERVICES.kernelGone, () => python.get("checked"), signal);
  tell({});
  update();
  python.watch("opened", update, signal);
}
