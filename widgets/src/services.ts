/** The panel of all services: how each fares, a filter, one opened beneath, several deleted. */

import type { AnyModel, Host, InitializeProps, RenderProps } from "@anywidget/types";
import type { ServiceRow, ServicesIntents, ServicesModel } from "./contract";
import { confirmation } from "./lib/confirm";
import { h, setText, show } from "./lib/dom";
import { plural } from "./lib/format";
import { openDoor, type Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { matches } from "./services/filter";
import { servicesTable } from "./services/table";

type Door = Python<ServicesModel, ServicesIntents>;

interface Ui {
  filter: string;
  chosen: ReadonlySet<string>;
  opened: string | null;
}

const DELETE_SECONDS = 120;

export default () => {
  const ui: Store<Ui> = createStore<Ui>({ filter: "", chosen: new Set(), opened: null });
  let door: Door | undefined;
  const doorOf = (model: unknown): Door => {
    door ??= openDoor<ServicesModel, ServicesIntents>(model as AnyModel);
    return door;
  };
  return {
    initialize({ model }: InitializeProps): void {
      doorOf(model);
    },
    render({ model, el, signal, host }: RenderProps): void {
      draw(el, doorOf(model), ui, signal, host);
    },
  };
};

function draw(
  place: HTMLElement,
  python: Door,
  ui: Store<Ui>,
  signal: AbortSignal,
  host: Host,
): void {
  const filter = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: "Filter: name, state, target, model",
    "aria-label": "Filter the services",
  });
  const count = h("span", { class: "mlm-place" });
  const remove = h("button", { type: "button", class: "mlm-button mlm-danger" });
  const empty = h("p", { class: "mlm-empty" });
  const trouble = h("ul", { class: "mlm-trouble", role: "alert" });
  const question = confirmation();
  const open = h("div", { class: "mlm-opened" });
  const table = servicesTable(() => ({ ...ui.value, choose, open: toggle }));
  const parts = frame(
    place,
    signal,
    "mlm-services",
    h(
      "header",
      { class: "mlm-bar" },
      h("h3", { class: "mlm-name" }, "Services"),
      filter,
      count,
      remove,
    ),
    question.element,
    trouble,
    table.element,
    empty,
  );
  parts.root.setAttribute("aria-label", "Services");
  place.append(open);
  let view: AbortController | undefined;

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
    setText(
      empty,
      all.length
        ? "No service matches the filter."
        : "No service is deployed yet. Start with %deploy.",
    );
    setText(
      count,
      rows.length === all.length
        ? plural(all.length, "service")
        : `${rows.length} of ${plural(all.length, "service")}`,
    );
    setText(remove, `Delete ${plural(chosen.length, "service")} …`);
    show(remove, chosen.length > 0);
  }

  function choose(name: string, isChosen: boolean): void {
    const chosen = new Set(ui.value.chosen);
    if (isChosen) chosen.add(name);
    else chosen.delete(name);
    ui.set({ chosen });
  }

  function toggle(name: string): void {
    ui.set({ opened: ui.value.opened === name ? null : name });
    void showOpened();
  }

  async function showOpened(): Promise<void> {
    view?.abort();
    open.replaceChildren();
    const name = ui.value.opened;
    if (name === null) return;
    view = new AbortController();
    const mine = view;
    try {
      const { model } = await python.ask("open", { name });
      const widget = await host.getWidget(model);
      if (mine.signal.aborted) return;
      await widget.render({ el: open, signal: mine.signal });
      parts.say(`The panel of ${name} is open below the table.`);
    } catch (error) {
      tell({ [name]: error instanceof Error ? error.message : String(error) });
      ui.set({ opened: null });
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
    const here = new Set(python.get("services").map((row) => row.name));
    const names = [...ui.value.chosen].filter((name) => here.has(name)).sort();
    const action = `Delete ${plural(names.length, "service")}`;
    const asked = `${action} with keys, logs and revisions: ${names.join(", ")}?`;
    if (!(await question.ask(asked, action))) return;
    remove.disabled = true;
    remove.setAttribute("aria-busy", "true");
    tell({});
    try {
      tell(await python.ask("delete", { names }, DELETE_SECONDS));
      ui.set({ chosen: new Set() });
    } catch (error) {
      tell({ [names.join(", ")]: error instanceof Error ? error.message : String(error) });
    } finally {
      remove.disabled = false;
      remove.removeAttribute("aria-busy");
    }
  }

  filter.addEventListener("input", () => ui.set({ filter: filter.value }));
  remove.addEventListener("click", () => void removeChosen());
  ui.subscribe(update, signal);
  python.watch("services", update, signal);
  followConnection(parts, python, "the services are not", () => python.get("checked"), signal);
  signal.addEventListener("abort", () => view?.abort(), { once: true });
  tell({});
  update();
  void showOpened();
}
