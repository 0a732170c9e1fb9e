import { fill, h, setText, show } from "../lib/dom";
import { duration } from "../lib/format";
import { PROGRESS } from "../lib/texts";
import { isServing, type Section } from "./section";

type Stage = keyof typeof PROGRESS.stages;
type Status = keyof typeof PROGRESS.statuses;

const STAGES: Stage[] = ["environment", "start", "init", "sample", "ready"];

/** Where the way broke off, for failures that do not say it themselves. */
const BREAKS: Record<string, Stage> = {
  EnvironmentFailed: "environment",
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
      const now = snapshot.stage || (broken && BREAKS[snapshot.reason]) || "";
      show(list, (busy || broken) && now !== "" && snapshot.reason !== "Stopped");
      if (now !== stage) {
        stage = now;
        since = Date.now();
        setText(elapsed, "");
      }
      const steps = STAGES.filter(
        (each) => each !== "sample" || snapshot.sample || stage === "sample",
      );
      const reached = steps.indexOf(stage as Stage);
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

function statusOf(index: number, reached: number, broken: boolean): Status {
  if (index < reached) return "done";
  if (index > reached) return "coming";
  return broken ? "failed" : "running";
}
