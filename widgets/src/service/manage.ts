import type { Snapshot } from "../contract";
import { acting } from "../lib/acting";
import { changeList } from "../lib/changes";
import { confirmation } from "../lib/confirm";
import { button, h, onEnter, show } from "../lib/dom";
import { stateWord } from "../lib/state";
import { MANAGE } from "../lib/texts";
import { type Context, foldable, type Section } from "./section";

const SECONDS = 180;

/** What can be done with the service: scale, update, stop, delete. */
export function manage(context: Context): Section {
  const { python } = context;
  const { act, trouble, fail } = acting(context.say);
  const question = confirmation();
  const replicas = input("number", MANAGE.replicasWanted);
  replicas.min = "1";
  const scale = button(MANAGE.scale);
  const models = input("text", MANAGE.modelsWanted);
  models.placeholder = MANAGE.modelsExample;
  const plan = button(MANAGE.plan);
  const update = button(MANAGE.update);
  const planned = h("div", { class: "mlm-plan" });
  const restart = button(MANAGE.restart);
  const reload = button(MANAGE.reload);
  const stop = button(MANAGE.stop);
  const start = button(MANAGE.start);
  const remove = button(MANAGE.delete);
  remove.classList.add("mlm-danger");
  const parts = h(
    "div",
    { class: "mlm-manage-parts" },
    field(MANAGE.replicas, replicas, scale),
    field(MANAGE.models, models, plan, update),
    planned,
    h("div", { class: "mlm-row" }, restart, reload, stop, start, remove),
  );
  const { element } = foldable(context, "manage", MANAGE.title, question.element, trouble, parts);
  let known = { replicas: "", models: "" };

  const wanted = () => ({
    models: models.value
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean),
  });

  async function look(): Promise<void> {
    planned.replaceChildren();
    await act(
      plan,
      async () => {
        const { changes, problem } = await python.ask("plan", wanted(), SECONDS);
        planned.replaceChildren(changeList(changes));
        if (problem) fail(problem);
      },
      MANAGE.planned,
    );
  }

  async function change(): Promise<void> {
    const done = await act(update, () => python.ask("update", wanted(), SECONDS), MANAGE.updated);
    if (done) planned.replaceChildren();
  }

  async function setScale(): Promise<void> {
    const count = Number(replicas.value);
    if (!Number.isInteger(count) || count < 1) {
      fail(MANAGE.replicasWrong(replicas.value));
      return;
    }
    await act(scale, () => python.ask("scale", { replicas: count }, SECONDS), MANAGE.scaled);
  }

  async function halt(): Promise<void> {
    if (await question.ask(MANAGE.stopQuestion, MANAGE.stopYes))
      await act(stop, () => python.ask("stop", {}, SECONDS), MANAGE.stopped);
  }

  async function destroy(): Promise<void> {
    const { name } = python.get("snapshot");
    if (await question.ask(MANAGE.deleteQuestion(name), MANAGE.deleteYes, name))
      await act(remove, () => python.ask("delete", { name }, SECONDS), MANAGE.deleted(name));
  }

  const simple = (place: HTMLButtonElement, kind: "start" | "restart" | "reload", words: string) =>
    place.addEventListener(
      "click",
      () => void act(place, () => python.ask(kind, {}, SECONDS), words),
    );
  simple(restart, "restart", MANAGE.restarted);
  simple(reload, "reload", MANAGE.reloaded);
  simple(start, "start", MANAGE.started);
  scale.addEventListener("click", () => void setScale());
  plan.addEventListener("click", () => void look());
  update.addEventListener("click", () => void change());
  stop.addEventListener("click", () => void halt());
  remove.addEventListener("click", () => void destroy());
  onEnter(replicas, () => scale.click());
  onEnter(models, () => plan.click());

  return {
    element,
    update(snapshot: Snapshot) {
      const now = {
        replicas: String(snapshot.replicasWanted),
        models: snapshot.models.join(", "),
      };
      // What the user is writing stays; what they left follows the service.
      if (replicas.value === known.replicas) replicas.value = now.replicas;
      if (models.value === known.models) models.value = now.models;
      known = now;
      const isStopped = stateWord(snapshot) === "Stopped";
      show(start, isStopped || snapshot.state === "Failed");
      show(stop, !isStopped);
      show(restart, !isStopped);
      show(element, snapshot.state !== "Deleted" && snapshot.state !== "Deleting");
    },
  };
}

function input(type: "number" | "text", label: string): HTMLInputElement {
  return h("input", { type, class: "mlm-input", "aria-label": label, spellcheck: "false" });
}

function field(label: string, ...parts: HTMLElement[]): HTMLElement {
  return h("div", { class: "mlm-row" }, h("span", { class: "mlm-label" }, label), ...parts);
}
