import type { Snapshot } from "../contract";
import { h, setText } from "./dom";

export type Tone = "busy" | "good" | "warn" | "bad" | "calm";

/** Colour of a state; the word stands beside it, so colour never speaks alone. */
const TONES: Record<string, Tone> = {
  Transitioning: "busy",
  Deleting: "busy",
  Healthy: "good",
  Unhealthy: "warn",
  Unschedulable: "warn",
  Failed: "bad",
};

export function stateWord({ state, reason }: Pick<Snapshot, "state" | "reason">): string {
  const goes = state === "Deleting" || state === "Deleted";
  return reason === "Stopped" && !goes ? reason : state;
}

/** A state as a coloured word. */
export function stateChip() {
  const word = h("span");
  const element = h("span", { class: "mlm-chip" }, h("span", { class: "mlm-dot" }), word);
  return {
    element,
    /** Show a state; returns its tone. */
    set(state: string): Tone {
      const tone = TONES[state] ?? "calm";
      setText(word, state);
      element.dataset.tone = tone;
      return tone;
    },
  };
}
