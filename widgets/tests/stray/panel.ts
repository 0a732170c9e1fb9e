/** Looked through by texts.test.mjs, never run: lines with words that go past the catalogue are marked. */

import { button, h, iconButton, setText } from "../../src/lib/dom";

type Step = "done" | "to come"; // a type says nothing

const TITLES = ["Service", "state"]; // words
const ENDS: Record<string, string> = {
  open: "open", // words
};

export function draw(say: (words: string) => void, count: number, step: Step): HTMLElement {
  const place = h("p", { class: "mlm-row mlm-tools", role: "status", "data-tone": "bad" }, "now"); // words
  const input = h("input", { type: "text", placeholder: "churn", spellcheck: "false" }); // words
  place.setAttribute("aria-label", `Step ${count}`); // words
  place.setAttribute("aria-describedby", `${count}-help ${count}-problem`);
  place.title = count ? "one" : (ENDS.open ?? ""); // words
  place.dataset.tone = count > 1 ? "warn" : "bad";
  setText(place, "true"); // words
  setText(place, step === "to come" ? "–" : `${count} · 0 %`);
  place.append(button("Stop")); // words
  place.append(iconButton("cross", "Remove", () => say(TITLES.join(", ")))); // words
  say(count ? "gone" : ""); // words
  place.append(...TITLES, [count, count].join(" and ")); // words
  place.querySelector("button, input")?.addEventListener("click", () => input.focus());
  if (count < 0) throw new Error("It is negative."); // words
  return place;
}

export const next = (step: Step): Step => (step === "done" ? "to come" : "done"); // words
