/** The panel of all models: found by words and tags, looked into, compared, registered, deleted. */

import type { ModelRow, ModelsIntents, ModelsModel } from "./contract";
import { acting } from "./lib/acting";
import { changeList } from "./lib/changes";
import { child } from "./lib/child";
import { confirmation } from "./lib/confirm";
import { definition, type View } from "./lib/definition";
import { button, h, setText, show } from "./lib/dom";
import type { Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { LANGUAGE, MODELS } from "./lib/texts";
import { wordsOf } from "./lib/words";
import { details } from "./models/details";
import { registration } from "./models/register";
import { modelsTable } from "./models/table";

type Door = Python<ModelsModel, ModelsIntents>;

interface Ui {
  text: string;
  all: boolean;
  chosen: readonly string[];
}

const PAUSE = 250;
const SECONDS = 60;

export default definition<ModelsModel, ModelsIntents, Store<Ui>>(draw, () =>
  createStore<Ui>({ text: "", all: false, chosen: [] }),
);

function draw(python: Door, { place, signal, host }: View, ui: Store<Ui>): void {
  const search = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: MODELS.searchHint,
    "aria-label": MODELS.search,
    title: MODELS.searchHelp,
  });
  const all = h("input", { type: "checkbox" });
  const count = h("span", { class: "mlm-place", role: "status" });
  const compare = button(MODELS.compare);
  const add = button(MODELS.register);
  const empty = h("p", { class: "mlm-empty" });
  const question = confirmation();
  const compared = h("section", { class: "mlm-compared", "aria-label": MODELS.differences });
  const table = modelsTable(() => ({
    ...ui.value,
    opened: python.get("opened"),
    choose,
    open: (id) => void toggle(id),
    find,
  }));
  const parts = frame(place, signal, "mlm-models-panel");
  const { say } = parts;
  const { act, trouble, fail } = acting(say);
  // Beside the version that they are about: the table may be longer than the window.
  const ofOne = acting(say);
  const form = registration({ python, signal, act, fail, registered });
  const opened = details(python, { remove, deploy });
  parts.note.after(
    h(
      "header",
      { class: "mlm-bar" },
      h("h2", { class: "mlm-name" }, MODELS.title),
      search,
      h("label", { class: "mlm-row" }, all, MODELS.allVersions),
      count,
      compare,
      add,
    ),
    trouble,
    form.element,
    table.element,
    empty,
    compared,
    question.element,
    ofOne.trouble,
    opened.element,
  );
  parts.root.setAttribute("aria-label", MODELS.title);
  let asksForm = false; // in this view, of maybe several
  let asksDetails = false;
  const deploying = child(python, "form", host, signal, () => {
    if (!asksForm) return;
    asksForm = false;
    deploying.scrollIntoView({ block: "nearest" }); // details may be longer than the window
    deploying.querySelector("input")?.focus();
  });
  place.append(deploying);
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
      if (mine === asked) fail(wordsOf(error));
    }
  }

  function draws(next: ModelRow[], more: boolean): void {
    rows = next;
    mark();
    const { text, all: every } = ui.value;
    setText(count, MODELS.count(rows.length, every, more));
    show(table.element, rows.length > 0);
    show(empty, rows.length === 0);
    setText(empty, text ? MODELS.noMatch : MODELS.none);
  }

  function mark(): void {
    if (search.value !== ui.value.text) search.value = ui.value.text;
    all.checked = ui.value.all;
    table.draw(rows);
    const { length } = ui.value.chosen;
    show(compare, length > 0);
    compare.disabled = length < 2;
    setText(compare, length < 2 ? MODELS.chooseAnother : MODELS.compare);
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

  async function toggle(id: string): Promise<void> {
    asksDetails = python.get("opened") !== id;
    try {
      await python.ask("open", { id: asksDetails ? id : "" });
    } catch (error) {
      fail(wordsOf(error));
    }
  }

  async function showOpened(): Promise<void> {
    mark();
    ofOne.fail("");
    try {
      await opened.show(python.get("opened"));
      // The table may be longer than the window.
      if (asksDetails) opened.element.firstElementChild?.scrollIntoView({ block: "nearest" });
      asksDetails = false;
    } catch (error) {
      fail(wordsOf(error));
    }
  }

  async function showCompared(): Promise<void> {
    const [before = "", after = ""] = [...ui.value.chosen].sort((one, other) =>
      one.localeCompare(other, LANGUAGE, { numeric: true }),
    );
    await act(
      compare,
      async () => {
        const changes = await python.ask("compare", { before, after }, SECONDS);
        compared.replaceChildren(h("h3", {}, `${before} → ${after}`), changeList(changes));
      },
      MODELS.compared(before, after),
    );
  }

  async function remove(id: string, button: HTMLButtonElement): Promise<void> {
    if (!(await question.ask(MODELS.deleteQuestion(id), MODELS.deleteYes))) return;
    const done = await ofOne.act(
      button,
      () => python.ask("delete", { id }, SECONDS),
      MODELS.deleted(id),
    );
    if (!done) return;
    ui.set({ chosen: ui.value.chosen.filter((each) => each !== id) });
    void update();
  }

  async function deploy(id: string, button: HTMLButtonElement): Promise<void> {
    asksForm = true;
    const done = await ofOne.act(
      button,
      () => python.ask("deploy", { id }, SECONDS),
      MODELS.deploying(id),
    );
    if (!done) asksForm = false;
  }

  function registered(id: string, outcome: string): void {
    say(MODELS.registered(id, outcome));
    void update();
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
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  python.watch("models", () => void update(), signal);
  python.watch("opened", () => void showOpened(), signal);
  followConnection(parts, python, MODELS.kernelGone, () => python.get("checked"), signal);
  void update();
  void showOpened();
}
