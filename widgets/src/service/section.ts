import type { ServiceIntents, ServiceModel, Snapshot } from "../contract";
import { h, icon } from "../lib/dom";
import type { Python } from "../lib/python";
import type { Store } from "../lib/store";

/** What the user did to the panel; kept across redraws of the output, never saved. */
export interface Ui {
  /** The request as edited; null follows the sample. */
  body: string | null;
  /** How the request is written. */
  mode: "form" | "json" | "file";
  folded: Partial<Record<Fold, boolean>>;
}

export type Fold = "replicas" | "traffic" | "try" | "log" | "revisions" | "manage";

/** What every part of the panel is given. */
export interface Context {
  python: Python<ServiceModel, ServiceIntents>;
  ui: Store<Ui>;
  /** Tell screen readers. */
  say: (words: string) => void;
  /** Aborted when the view goes. */
  signal: AbortSignal;
}

/** A part of the panel: made once, brought up to date with each snapshot. */
export interface Section {
  element: HTMLElement;
  update: (snapshot: Snapshot) => void;
  /** Refresh what depends on the time alone. */
  tick?: (now: number) => void;
}

/** A part that folds, with a remark at the right of its title. */
export function foldable(context: Context, fold: Fold, title: string, ...content: Node[]) {
  const remark = h("span", { class: "mlm-remark" });
  const element = h(
    "details",
    { class: `mlm-section mlm-${fold}` },
    h("summary", {}, icon("chevron"), h("span", { class: "mlm-title" }, title), remark),
    ...content,
  );
  element.open = !context.ui.value.folded[fold];
  element.addEventListener("toggle", () => {
    context.ui.set({ folded: { ...context.ui.value.folded, [fold]: !element.open } });
  });
  return { element, remark };
}

/** Whether a replica of some revision answers requests. */
export function isServing(snapshot: Snapshot): boolean {
  return snapshot.state === "Healthy" || snapshot.replicas.some((replica) => replica.ready);
}
