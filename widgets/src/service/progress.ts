import type { Snapshot } from "../contract";
import { fill, h, setText, show } from "../lib/dom";
import { duration } from "../lib/format";
import { PROGRESS } from "../lib/texts";
import { isServing, type Section } from "./section";

type Stage = keyof typeof PROGRESS.stages;
type Status = keyof typeof PROGRESS.statuses;

const STAGES: Stage[] = ["environment", "image", "push", "start", "init", "sample", "ready"];

/** Stages of servers that are part of a step. */
const PARTS: Record<string, Stage> = { import: "start", waiting: "ready" };

/** Where the way broke off, for failures that do not say it themselves. */
const BREAKS: Record<string, Stage> = {
  EnvironmentFailed: "environment",
  ImageBuildFailed: "image",
  ImagePushFailed: "push",
  ImagePullFailed: "start",
  PortInUse: "start",
  ConfigurationError: "start",
  ModelDamaged: "start",
  ScriptNotFound: "init",
  ScriptSyntaxError: "init",
  ScriptImportFailed: "init",
  ScriptContractError: "init",
  InitFailed: "init",
  InitTimeout: "init",
  SampleFailed: "sample",
};

/** The way to Healthy, shown while it is walked and where it broke off. */
export function progress(): Section {
  const list = h("ol", { class: "mlm-progress", "aria-label": PROGRESS.label });
  const elapsed = h("span", { class: "mlm-elapsed", "aria-hidden": "true" });
  let stage = "";
  let since = Date.now();

  return {
    element: list,
    update(snapshot) {
      const failed = snapshot.state === "Failed" || snapshot.state === "Unschedulable";
      const busy = snapshot.state === "Transitioning";
      const broken = failed || (snapshot.traceback !== "" && !isServing(snapshot));
      const told = snapshot.stage || (broken && BREAKS[snapshot.reason]) || "";
      const now = PARTS[told] ?? told;
      if (now !== stage) {
        stage = now;
        since = Date.now();
        setText(elapsed, "");
      }
      const steps = STAGES.filter((each) => each === stage || isTaken(each, snapshot));
      const reached = steps.indexOf(stage as Stage);
      show(list, (busy || broken) && reached >= 0 && snapshot.reason !== "Stopped");
      fill(list, steps.length, () => h("li", {}, h("span", { class: "mlm-step-label" }))).forEach(
        (item, index) => {
          const status = statusOf(index, stage === "ready" ? steps.length : reached, broken);
          item.dataset.status = status;
          item.toggleAttribute("aria-current", false);
          if (index === reached && !broken) item.setAttribute("aria-current", "step");
          const label = PROGRESS.stages[steps[index] as Stage];
          setText(item.firstElementChild as HTMLElement, label);
          item.setAttribute("aria-label", PROGRESS.step(label, PROGRESS.statuses[status]));
          if (status === "running") item.append(elapsed);
        },
      );
    },
    tick(now) {
      const seconds = Math.floor((now - since) / 1000);
      setText(elapsed, seconds >= 2 ? duration(seconds) : "");
    },
  };
}

/** Whether a service takes a step at all. */
function isTaken(step: Stage, { computeType, sample }: Snapshot): boolean {
  if (step === "image") return computeType !== "local";
  if (step === "push") return computeType === "kubernetes";
  return step !== "sample" || sample !== null;
}

function statusOf(index: number, reached: number, broken: boolean): Status {
  if (index < reached) return "done";
  if (index > reached) return "coming";
  return broken ? "failed" : "running";
}
