import type { Snapshot } from "../contract";
import { h, setText, show } from "../lib/dom";
import { clock } from "../lib/format";
import type { Context, Section } from "./section";

/** Colour of a state; the word stands beside it, so colour never speaks alone. */
const TONES: Record<string, string> = {
  Transitioning: "busy",
  Deleting: "busy",
  Healthy: "good",
  Unhealthy: "warn",
  Unschedulable: "warn",
  Failed: "bad",
};

export function stateWord(snapshot: Snapshot): string {
  const goes = snapshot.state === "Deleting" || snapshot.state === "Deleted";
  return snapshot.reason === "Stopped" && !goes ? "Stopped" : snapshot.state;
}

export function header(context: Context): Section {
  const name = h("h3", { class: "mlm-name" });
  const word = h("span");
  const chip = h("span", { class: "mlm-chip" }, h("span", { class: "mlm-dot" }), word);
  const place = h("span", { class: "mlm-place" });
  const reason = h("code", { class: "mlm-reason" });
  const message = h("span");
  const nextStep = h("p", { class: "mlm-next-step" });
  let said = "";

  return {
    element: h(
      "header",
      { class: "mlm-header" },
      h("div", { class: "mlm-headline" }, name, chip, place),
      h("p", { class: "mlm-message" }, reason, message),
      nextStep,
    ),
    update(snapshot) {
      const state = stateWord(snapshot);
      setText(name, snapshot.name);
      setText(word, state);
      chip.dataset.tone = TONES[state] ?? "calm";
      setText(place, snapshot.target);
      place.title = `Last change at ${clock(snapshot.updatedAt)}`;
      setText(reason, snapshot.reason);
      show(
        reason,
        ["bad", "warn"].includes(chip.dataset.tone) || snapshot.reason === "UpdateFailed",
      );
      setText(message, snapshot.message);
      setText(nextStep, snapshot.nextStep);
      show(nextStep, snapshot.nextStep !== "" && !snapshot.commands.includes(snapshot.nextStep));
      // Only changes are told, not what the panel looked like when it opened.
      const now = `${snapshot.name} is ${state}. ${snapshot.message}`;
      if (said && now !== said) context.say(now);
      said = now;
    },
  };
}
