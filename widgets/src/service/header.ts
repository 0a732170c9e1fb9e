import { h, setText, show } from "../lib/dom";
import { clock } from "../lib/format";
import { stateChip, stateWord } from "../lib/state";
import { HEADER } from "../lib/texts";
import type { Context, Section } from "./section";

export function header(context: Context): Section {
  const name = h("h2", { class: "mlm-name" });
  const chip = stateChip();
  const place = h("span", { class: "mlm-place" });
  const reason = h("code", { class: "mlm-reason" });
  const message = h("span");
  const nextStep = h("p", { class: "mlm-next-step" });
  let said = "";

  return {
    element: h(
      "header",
      { class: "mlm-header" },
      h("div", { class: "mlm-headline" }, name, chip.element, place),
      h("p", { class: "mlm-message" }, reason, message),
      nextStep,
    ),
    update(snapshot) {
      const state = stateWord(snapshot);
      setText(name, snapshot.name);
      const tone = chip.set(state);
      setText(place, snapshot.target);
      place.title = HEADER.lastChange(clock(snapshot.updatedAt));
      setText(reason, snapshot.reason);
      show(reason, tone === "bad" || tone === "warn" || snapshot.reason === "UpdateFailed");
      setText(message, snapshot.message);
      setText(nextStep, snapshot.nextStep);
      show(nextStep, snapshot.nextStep !== "" && !snapshot.commands.includes(snapshot.nextStep));
      // Only changes are told, not what the panel looked like when it opened.
      const now = HEADER.changed(snapshot.name, state, snapshot.message);
      if (said && now !== said) context.say(now);
      said = now;
    },
  };
}
