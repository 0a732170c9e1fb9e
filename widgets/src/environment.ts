/** The panel of one environment: its packages, where each comes from, what others have of them. */

import type { EnvironmentIntents, EnvironmentModel } from "./contract";
import {
  besideKernel,
  besideLock,
  chosenLines,
  type Line,
  packagesTable,
} from "./environment/packages";
import { acting } from "./lib/acting";
import { definition, type View } from "./lib/definition";
import { button, h, setText, show } from "./lib/dom";
import { factList } from "./lib/facts";
import { A_DAY, type Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { ENVIRONMENT } from "./lib/texts";
import { wordsOf } from "./lib/words";
import { workingRow } from "./lib/working";

type Door = Python<EnvironmentModel, EnvironmentIntents>;

interface Ui {
  text: string;
  onlyDifferent: boolean;
  /** Identity of the lock beside which the packages are shown; empty for the kernel. */
  beside: string;
}

const SECONDS = 60;

export default definition<EnvironmentModel, EnvironmentIntents, Store<Ui>>(draw, () =>
  createStore<Ui>({ text: "", onlyDifferent: false, beside: "" }),
);

function draw(python: Door, { place, signal }: View, ui: Store<Ui>): void {
  const name = h("h2", { class: "mlm-name" });
  const search = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: ENVIRONMENT.searchHint,
    "aria-label": ENVIRONMENT.search,
  });
  const beside = h("select", { class: "mlm-input" });
  const only = h("input", { type: "checkbox" });
  const count = h("span", { class: "mlm-place", role: "status" });
  const lock = button(ENVIRONMENT.lock);
  const removed = h("p", { class: "mlm-note", role: "status" });
  const facts = h("div");
  const empty = h("p", { class: "mlm-empty" });
  const table = packagesTable();
  const parts = frame(place, signal, "mlm-environment");
  const { act, trouble, fail } = acting(parts.say);
  const work = workingRow({
    told: () => python.get("work"),
    end: () => python.ask("cancel", {}),
    watch: (changed) => python.watch("work", changed, signal),
    act,
    fail,
  });
  work.element.classList.add("mlm-working");
  const tools = h(
    "div",
    { class: "mlm-bar mlm-tools" },
    search,
    h("label", { class: "mlm-row" }, ENVIRONMENT.beside, beside),
    h("label", { class: "mlm-row" }, only, ENVIRONMENT.onlyDifferent),
    count,
  );
  parts.note.after(
    removed,
    h("header", { class: "mlm-bar" }, name, h("span", { class: "mlm-push" }), lock),
    work.element,
    trouble,
    facts,
    tools,
    table.element,
    empty,
  );
  let lines: Line[] = [];
  let asked = 0;

  async function update(): Promise<void> {
    const environment = python.get("environment");
    const title = ENVIRONMENT.title(environment.name);
    setText(name, title);
    parts.root.setAttribute("aria-label", title);
    facts.replaceChildren(factList(environment.facts));
    const { isLocked, isRemoved } = environment;
    setText(removed, isRemoved ? ENVIRONMENT.removed : "");
    show(removed, isRemoved);
    show(lock, !isLocked && !isRemoved);
    show(tools, isLocked);
    drawChoices();
    await compare();
  }

  function drawChoices(): void {
    const others = python.get("others");
    beside.replaceChildren(
      h("option", { value: "" }, ENVIRONMENT.thisKernel),
      ...others.map(({ identity, label }) => h("option", { value: identity }, label)),
    );
    const isThere = others.some(({ identity }) => identity === ui.value.beside);
    if (!isThere && ui.value.beside) ui.set({ beside: "" });
    beside.value = ui.value.beside;
  }

  async function compare(): Promise<void> {
    asked += 1;
    const mine = asked;
    const { packages } = python.get("environment");
    const identity = ui.value.beside;
    try {
      const versions = identity && (await python.ask("versions", { identity }, SECONDS));
      if (mine !== asked || signal.aborted) return;
      fail("");
      lines = versions ? besideLock(packages, versions) : besideKernel(packages);
      drawLines();
    } catch (error) {
      if (mine === asked) fail(wordsOf(error));
    }
  }

  function drawLines(): void {
    const { text, onlyDifferent } = ui.value;
    if (search.value !== text) search.value = text;
    only.checked = onlyDifferent;
    const found = chosenLines(lines, text, onlyDifferent);
    const different = lines.filter((line) => line.differs).length;
    setText(count, ENVIRONMENT.count(found.length, lines.length, different));
    table.draw(found, beside.selectedOptions[0]?.textContent ?? "");
    show(table.element, found.length > 0);
    show(empty, found.length === 0);
    setText(empty, emptyWords(text));
  }

  function emptyWords(text: string): string {
    if (!python.get("environment").isLocked) return ENVIRONMENT.notLocked;
    if (lines.length === 0) return ENVIRONMENT.noPackages;
    return text ? ENVIRONMENT.noMatch : ENVIRONMENT.noDifference;
  }

  search.addEventListener("input", () => {
    ui.set({ text: search.value });
    drawLines();
  });
  only.addEventListener("change", () => {
    ui.set({ onlyDifferent: only.checked });
    drawLines();
  });
  beside.addEventListener("change", () => {
    ui.set({ beside: beside.value });
    void compare();
  });
  lock.addEventListener("click", () => {
    void work.run(lock, () => python.ask("lock", {}, A_DAY), ENVIRONMENT.locked);
  });
  python.watch("environment", () => void update(), signal);
  python.watch("others", drawChoices, signal);
  followConnection(parts, python, ENVIRONMENT.kernelGone, () => python.get("checked"), signal);
  void update();
}
