import { acting } from "../lib/acting";
import { h, setText, show } from "../lib/dom";
import { CANCEL } from "../lib/texts";
import type { Context, Section } from "./section";

/** Gives a deployment up while it is under way. */
export function cancel(context: Context): Section {
  const { act, trouble } = acting(context.say);
  const button = h("button", { type: "button", class: "mlm-button" });
  const element = h("div", { class: "mlm-cancel" }, trouble, button);
  button.addEventListener("click", () => {
    void act(button, () => context.python.ask("cancel", {}, 120), CANCEL.done);
  });
  return {
    element,
    update(snapshot) {
      const current = snapshot.revisions.find((one) => one.current)?.generation;
      const serving = snapshot.generation;
      const comes = serving !== 0 && serving !== current && snapshot.reason !== "UpdateFailed";
      setText(button, comes ? CANCEL.update(serving) : CANCEL.deployment);
      show(element, comes || (snapshot.state === "Transitioning" && snapshot.stage !== ""));
    },
  };
}
