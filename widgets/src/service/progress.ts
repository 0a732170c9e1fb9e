import type { Snapshot } from "../contract";
import { fill, h, setText, show } from "../lib/dom";
import { duration } from "../lib/format";
import { isServing, type Section } from "./section";

const STEPS: [stage: string, label: string][] = [
  ["environment", "Environment"],
  ["start", "Start"],
  ["init", "init()"],
  ["sample", "Sample"],
  ["ready", "Healthy"],
];

/** The way to Healthy, shown while it is walked and where it broke off. */
export function progress(): Section {
  const list = h("ol", { class: "mlm-progress", "aria-label": "Progress of the deployment" });
  const elapsed = h("span", { class: "mlm-elapsed", "aria-hidden": "true" });
  let stage = "";
  let since = Date.now();

  return {
    element: list,
    update(snapshot) {
      const failed = snapshot.state === "Failed" || snapshot.state === "Unschedulable";
      const busy = snapshot.state === "Transitioning";
      const broken = failed || (snapshot.traceback !== "" && !isServing(snapshot));
      show(list, (busy || broken) && snapshot.stage !== "" && snapshot.reason !== "Stopped");
      if (snapshot.stage !== stage) {
        stage = snapshot.stage;
        since = Date.now();
        setText(elapsed, "");
      }
      const steps = STEPS.filter(
        ([id]) => id !== "sample" || snapshot.sample || stage === "sample",
      );
      const reached = steps.findIndex(([id]) => id === stage);
      fill(list, steps.length, () => h("li", {}, h("span", { class: "mlm-step-label" }))).forEach(
        (item, index) => {
          const status = statusOf(index, reached, broken, snapshot);
          item.dataset.status = status;
          item.toggleAttribute("aria-current", false);
          if (index === reached && !broken) item.setAttribute("aria-current", "step");
          const label = item.firstElementChild as HTMLElement;
          setText(label, steps[index]?.[1] ?? "");
          item.setAttribute("aria-label", `${label.textContent}: ${status}`);
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

function statusOf(index: number, reached: number, broken: boolean, snapshot: Snapshot): string {
  if (snapshot.stage === "ready" || index < reached) return "done";
  if (index > reached) return "to come";
  return broken ? "failed" : "running";
}
