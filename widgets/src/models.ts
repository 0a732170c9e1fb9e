/** The panel of all models: found by words and tags, looked into, compared, registered, deleted. */

import type { AnyModel, Host, InitializeProps, RenderProps } from "@anywidget/types";
import type { ModelRow, ModelsIntents, ModelsModel } from "./contract";
import { acting } from "./lib/acting";
import { changeList } from "./lib/changes";
import { confirmation } from "./lib/confirm";
import { h, setText, show } from "./lib/dom";
import { plural } from "./lib/format";
import { openDoor, type Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { details } from "./models/details";
import { registration } from "./models/register";
import { modelsTable } from "./models/table";

type Door = Python<ModelsModel, ModelsIntents>;

interface Ui {
  text: string;
  all: boolean;
  chosen: readonly string[];
  opened: string | null;
}

const PAUSE = 250;
const SECONDS = 60;

export default () => {
  const ui: Store<Ui> = createStore<Ui>({ text: "", all: false, chosen: [], opened: null });
  let door: Door | undefined;
  const doorOf = (model: unknown): Door => {
    door ??= openDoor<ModelsModel, ModelsIntents>(model as AnyModel);
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
  const search = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: "Search: words, key=value",
    "aria-label": "Search the models",
    title: "Words in name, description, tags or properties; key=value for a tag or a property",
  });
  const all = h("input", { type: "checkbox" });
  const count = h("span", { class: "mlm-place", role: "status" });
  const compare = h("button", { type: "button", class: "mlm-button" }, "Compare");
  const add = h("button", { type: "button", class: "mlm-button" }, "Register …");
  const empty = h("p", { class: "mlm-empty" });
  const question = confirmation();
  const compared = h("section", { class: "mlm-compared", "aria-label": "Differences" });
  const table = modelsTable(() => ({ ...ui.value, choose, open: toggle, find }));
  const parts = frame(place, signal, "mlm-models-panel");
  const { say } = parts;
  const { act, trouble, fail } = acting(say);
  const form = registration({ python, act, fail, registered });
  const opened = details(python, { remove, deploy });
  parts.note.after(
    h(
      "header",
      { class: "mlm-bar" },
      h("h3", { class: "mlm-name" }, "Models"),
      search,
      h("label", { class: "mlm-row" }, all, "All versions"),
      count,
      compare,
      add,
    ),
    question.element,
    trouble,
    form.element,
    table.element,
    empty,
    compared,
    opened.element,
  );
  parts.root.setAttribute("aria-label", "Models");
  const deploying = h("div", { class: "mlm-opened" });
  place.append(deploying);
  let view: AbortController | undefined;
  let rows: ModelRow[] = [];
  let asked = 0;
  let timer = 0;

  async function update(): Promise<void> {
    asked += 1;
    const mine = asked;
    const { text, all: every } = ui.value;
    if (text.trim() === "" && !every) {
      draws(python.get("models"), python.get("more"));
      return;
    }
    try {
      const found = await python.ask("search", { text, all: every }, SECONDS);
      if (mine !== asked || signal.aborted) return;
      fail("");
      draws(found.models, found.more);
    } catch (error) {
      if (mine === asked) fail(error instanceof Error ? error.message : String(error));
    }
  }

  function draws(next: ModelRow[], more: boolean): void {
    rows = next;
    mark();
    const { text, all: every } = ui.value;
    setText(count, `${more ? "First " : ""}${plural(rows.length, every ? "version" : "model")}`);
    show(table.element, rows.length > 0);
    show(empty, rows.length === 0);
    setText(
      empty,
      text
        ? "No model has all of that."
        : "No model is registered yet. Start with %register, or a file.",
    );
  }

  function mark(): void {
    if (search.value !== ui.value.text) search.value = ui.value.text;
    all.checked = ui.value.all;
    table.draw(rows);
    show(compare, ui.value.chosen.length === 2);
  }

  function find(text: string): void {
    ui.set({ text });
    void update();
  }

  function choose(id: string, isChosen: boolean): void {
    const others = ui.value.chosen.filter((each) => each !== id);
    ui.set({ chosen: isChosen ? [...others, id].slice(-2) : others });
    compared.replaceChildren();
    mark();
  }

  function toggle(id: string): void {
    ui.set({ opened: ui.value.opened === id ? null : id });
    mark();
    void showOpened();
  }

  async function showOpened(): Promise<void> {
    try {
      await opened.show(ui.value.opened);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  }

  async function showCompared(): Promise<void> {
    const [before = "", after = ""] = [...ui.value.chosen].sort((one, other) =>
      one.localeCompare(other, "en", { numeric: true }),
    );
    await act(
      compare,
      async () => {
        const changes = await python.ask("compare", { before, after }, SECONDS);
        compared.replaceChildren(h("h4", {}, `${before} → ${after}`), changeList(changes));
      },
      `${before} and ${after} are compared below the table.`,
    );
  }

  async function remove(id: string, button: HTMLButtonElement): Promise<void> {
    if (!(await question.ask(`Delete ${id}? Its files go where nothing else uses them.`, "Delete")))
      return;
    const done = await act(
      button,
      () => python.ask("delete", { id }, SECONDS),
      `${id} is deleted.`,
    );
    if (!done) return;
    ui.set({ opened: null, chosen: ui.value.chosen.filter((each) => each !== id) });
    void showOpened();
    void update();
  }

  async function deploy(id: string, button: HTMLButtonElement): Promise<void> {
    await act(
      button,
      async () => {
        const { model } = await python.ask("deploy", { id }, SECONDS);
        view?.abort();
        deploying.replaceChildren();
        view = new AbortController();
        const widget = await host.getWidget(model);
        await widget.render({ el: deploying, signal: view.signal });
      },
      `The form that deploys ${id} is open below.`,
    );
  }

  function registered(id: string, outcome: string): void {
    say(`${id} is ${outcome}.`);
    ui.set({ opened: id });
    void update();
    void showOpened();
  }

  search.addEventListener("input", () => {
    ui.set({ text: search.value });
    clearTimeout(timer);
    timer = window.setTimeout(() => void update(), PAUSE);
  });
  all.addEventListener("change", () => {
    ui.set({ all: all.checked });
    void update();
  });
  compare.addEventListener("click", () => void showCompared());
  add.addEventListener("click", form.toggle);
  const end = () => {
    clearTimeout(timer);
    view?.abort();
  };
  signal.addEventListener("abort", end, { once: true });
  python.watch("models", () => void update(), signal);
  followConnection(parts, python, "the models are not", () => python.get("checked"), signal);
  void update();
  void showOpened();
}
