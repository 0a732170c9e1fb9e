import type { Snapshot } from "../contract";
import { acting } from "../lib/acting";
import { changeList } from "../lib/changes";
import { confirmation } from "../lib/confirm";
import { button, h, onEnter, show } from "../lib/dom";
import { stateWord } from "../lib/state";
import { type Context, foldable, type Section } from "./section";

const SECONDS = 180;

/** What can be done with the service: scale, update, stop, delete. */
export function manage(context: Context): Section {
  const { python } = context;
  const { act, trouble, fail } = acting(context.say);
  const question = confirmation();
  const replicas = input("number", "Replicas wanted");
  replicas.min = "1";
  const scale = button("Scale");
  const models = input("text", "Models to serve");
  models.placeholder = "NAME:VERSION, …";
  const plan = button("Plan");
  const update = button("Update");
  const planned = h("div", { class: "mlm-plan" });
  const restart = button("Restart");
  const reload = button("Reload the script");
  const stop = button("Stop");
  const start = button("Start");
  const remove = button("Delete …");
  remove.classList.add("mlm-danger");
  const parts = h(
    "div",
    { class: "mlm-manage-parts" },
    field("Replicas", replicas, scale),
    field("Models", models, plan, update),
    planned,
    h("div", { class: "mlm-row" }, restart, reload, stop, start, remove),
  );
  const { element } = foldable(context, "manage", "Manage", question.element, trouble, parts);
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
      "The plan is shown.",
    );
  }

  async function change(): Promise<void> {
    const done = await act(update, () => python.ask("update", wanted(), SECONDS), "It is updated.");
    if (done) planned.replaceChildren();
  }

  async function setScale(): Promise<void> {
    const count = Number(replicas.value);
    if (!Number.isInteger(count) || count < 1) {
      fail(`'${replicas.value}' is no number of replicas; 1 is the least.`);
      return;
    }
    await act(scale, () => python.ask("scale", { replicas: count }, SECONDS), "It is scaled.");
  }

  async function halt(): Promise<void> {
    const asked = "Stop the service? It answers nobody until it is started again.";
    if (await question.ask(asked, "Stop it"))
      await act(stop, () => python.ask("stop", {}, SECONDS), "It is stopped.");
  }

  async function destroy(): Promise<void> {
    const { name } = python.get("snapshot");
    const asked = `Delete ${name} with its keys, logs and revisions? Type its name to confirm.`;
    if (await question.ask(asked, "Delete it", name))
      await act(remove, () => python.ask("delete", { name }, SECONDS), `${name} is deleted.`);
  }

  const simple = (place: HTMLButtonElement, kind: "start" | "restart" | "reload", words: string) =>
    place.addEventListener(
      "click",
      () => void act(place, () => python.ask(kind, {}, SECONDS), words),
    );
  simple(restart, "restart", "It restarts.");
  simple(reload, "reload", "The script is read again.");
  simple(start, "start", "It starts.");
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
      show(element, !["Deleted", "Deleting"].includes(snapshot.state));
    },
  };
}

function input(type: string, label: string): HTMLInputElement {
  return h("input", { type, class: "mlm-input", "aria-label": label, spellcheck: "false" });
}

function field(label: string, ...parts: HTMLElement[]): HTMLElement {
  return h("div", { class: "mlm-row" }, h("span", { class: "mlm-label" }, label), ...parts);
}
