/** The form that deploys: fields of the option table, a plan, the deployment's panel beneath. */

import type { ConfigurationFormat, DeployIntents, DeployModel, Field } from "./contract";
import { capturing, workOf } from "./deploy/capture";
import { fieldOf } from "./deploy/field";
import { asCells, configurations } from "./deploy/files";
import { acting } from "./lib/acting";
import { changeList } from "./lib/changes";
import { child } from "./lib/child";
import { confirmation } from "./lib/confirm";
import { definition, type View } from "./lib/definition";
import { button, h, icon, setText, show } from "./lib/dom";
import { inserting } from "./lib/notebook";
import { A_DAY, type Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { DEPLOY } from "./lib/texts";
import { wordsOf } from "./lib/words";
import { workingRow } from "./lib/working";

type Door = Python<DeployModel, DeployIntents>;

export default definition<DeployModel, DeployIntents>(draw);

function draw(python: Door, { place, signal, host, notebook }: View): void {
  const first = h("div");
  const target = h("div");
  const more = h("div");
  const plan = button(DEPLOY.plan);
  const deploy = button(DEPLOY.deploy);
  deploy.classList.add("mlm-run");
  const line = button(DEPLOY.asCell);
  const json = button(DEPLOY.asJson);
  const yaml = button(DEPLOY.asYaml);
  const question = confirmation();
  const lacking = h("span", { class: "mlm-hint" });
  const together = h("p", { class: "mlm-trouble", role: "alert" });
  const result = h("div", { class: "mlm-result", role: "status" });
  const parts = frame(place, signal, "mlm-deploy");
  const { act, trouble, fail } = acting(parts.say);
  // What is asked of the form waits until Python knows what was written last.
  let told: Promise<unknown> = Promise.resolve();
  const capture = capturing({ python, signal, say: parts.say, told: () => told });
  const work = workingRow({
    told: () => workOf(python, "plan", "deployment"),
    end: () => python.ask("cancel", {}),
    watch: (changed) => python.watch("work", changed, signal),
    act,
    fail,
  });
  work.element.classList.add("mlm-working");
  const captured = fold(DEPLOY.capture, capture.element);
  parts.root.setAttribute("aria-label", DEPLOY.label);
  parts.note.after(
    h("header", { class: "mlm-bar" }, h("h2", { class: "mlm-name" }, DEPLOY.title)),
    h("div", { class: "mlm-deploy-part" }, first),
    captured,
    fold(DEPLOY.targetOptions, target),
    fold(DEPLOY.more, more),
    together,
    trouble,
    h("div", { class: "mlm-row mlm-deploy-bar" }, deploy, plan, line, json, yaml, lacking),
    work.element,
    question.element,
    result,
  );
  let isDeployed = false; // from this view, of maybe several
  const opened = child(python, "opened", host, signal, showOpened);
  place.append(opened);
  const fields = new Map<string, ReturnType<typeof fieldOf>>();
  const places = { first, target, more };

  /** Fields come and go with the target; those that stay keep what is being typed. */
  function arrange(): void {
    const wanted = python.get("fields");
    const names = new Set(wanted.map((field) => field.name));
    for (const [name, field] of fields) {
      if (names.has(name)) continue;
      field.element.remove();
      fields.delete(name);
    }
    for (const field of wanted) {
      const made = fields.get(field.name) ?? fieldOf(field, (value) => set(field, value), entered);
      fields.set(field.name, made);
      made.renew(field);
      if (!made.element.isConnected) places[field.part].append(made.element);
    }
    update();
  }

  function update(): void {
    const values = python.get("values");
    const problems = python.get("problems");
    for (const [name, field] of fields) field.update(values[name] ?? "", problems[name] ?? "");
    setText(together, problems[""] ?? "");
    show(together, "" in problems);
    const [wrong] = Object.keys(problems);
    plan.disabled = deploy.disabled = wrong !== undefined;
    setText(lacking, wrong ? DEPLOY.wrong(fields.get(wrong)?.label) : "");
  }

  function set(field: Field, value: string): void {
    told = told
      .then(() => python.ask("set", { name: field.name, value }))
      .catch((error: unknown) => fail(wordsOf(error)));
  }

  /** Enter in a line: the plan, or what stands in its way. It deploys nothing by accident. */
  async function entered(): Promise<void> {
    await told;
    const [wrong] = Object.keys(python.get("problems"));
    if (wrong === undefined) return showPlan();
    fields.get(wrong)?.lead();
    update();
  }

  async function showPlan(): Promise<void> {
    await work.run(
      plan,
      async () => {
        await told;
        const { action, changes, problem } = await python.ask("plan", {}, A_DAY);
        result.replaceChildren(h("p", {}, DEPLOY.planned(action)), changeList(changes));
        if (problem) fail(problem);
      },
      DEPLOY.planShown,
    );
  }

  /** Bring the panel of what was deployed into sight, once it is there. */
  function showOpened(): void {
    const heading = opened.querySelector("h2");
    if (!isDeployed || heading === null) return;
    isDeployed = false;
    heading.scrollIntoView({ block: "nearest" });
  }

  async function showDeployed(): Promise<void> {
    await work.run(
      deploy,
      async () => {
        await told;
        const { outcome } = await python.ask("deploy", {}, A_DAY);
        result.replaceChildren(h("p", {}, DEPLOY.deployed(outcome)));
        isDeployed = true;
        showOpened();
      },
      DEPLOY.panelOpen,
    );
  }

  async function showWritten(
    button: HTMLButtonElement,
    write: (needs: Parameters<typeof asCells>[0]) => Promise<HTMLElement | undefined>,
    done: string,
  ): Promise<void> {
    await act(
      button,
      async () => {
        await told;
        const insert = inserting(notebook, place);
        const made = await write({ python, act, question, say: parts.say, insert });
        result.replaceChildren(...(made ? [made] : []));
      },
      done,
    );
  }

  function showFiles(place: HTMLButtonElement, format: ConfigurationFormat): void {
    void showWritten(place, (needs) => configurations(needs, format), DEPLOY.filesShown);
  }

  plan.addEventListener("click", () => void showPlan());
  deploy.addEventListener("click", () => void showDeployed());
  line.addEventListener("click", () => void showWritten(line, asCells, DEPLOY.textShown));
  json.addEventListener("click", () => showFiles(json, "json"));
  yaml.addEventListener("click", () => showFiles(yaml, "yaml"));
  captured.addEventListener("toggle", () => {
    if (captured instanceof HTMLDetailsElement && captured.open) void capture.look();
  });
  python.watch("fields", arrange, signal);
  python.watch("values", update, signal);
  python.watch("problems", update, signal);
  const now = new Date().toISOString();
  followConnection(parts, python, DEPLOY.kernelGone, () => now, signal);
  show(trouble, false);
  arrange();
}

function fold(title: string, content: HTMLElement): HTMLElement {
  const summary = h("summary", {}, icon("chevron"), h("span", { class: "mlm-title" }, title));
  return h(
    "details",
    { class: "mlm-section" },
    summary,
    h("div", { class: "mlm-deploy-part" }, content),
  );
}
