import { acting } from "../lib/acting";
import { h, setText, show } from "../lib/dom";
import type { Context, Section } from "./section";

/** Gives a deployment up while it is under way. */
export function cancel(context: Context): Section {
  const { act, trouble } = acting(context.say);
  const button = h("button", { type: "button", class: "mlm-button" });
  const element = h("div", { class: "mlm-cancel" }, trouble, button);
  button.addEventListener("click", () => {
    void act(button, () => context.python.ask("cancel", {}, 120), "The deployment is given up.");
  });
  return {
    element,
    update(snapshot) {
      const current = snapshot.revisions.find((one) => one.current)?.generation;
      const serving = snapshot.generation;
      const comes = serving !== 0 && serving !== current && snapshot.reason !== "UpdateFailed";
      setText(button, comes ? `Cancel; keep revision ${serving}` : "Cancel the deployment");
      show(element, comes || (snapshot.state === "Transitioning" && snapshot.stage !== ""));
    },
  };
}
