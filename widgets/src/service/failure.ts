import { copyButton } from "../lib/clipboard";
import { h, show } from "../lib/dom";
import { FAILURE } from "../lib/texts";
import type { Context, Section } from "./section";

const PLACE = /^(\s*)(In \[\d+\], line \d+|File .*?, line \d+|\S+, line \d+)(.*)$/;

/** The user's traceback, with the lines of the cell it was written in. */
export function failure(context: Context): Section {
  const text = h("pre", {
    class: "mlm-traceback",
    role: "group",
    tabindex: "0",
    "aria-label": FAILURE.label,
  });
  const element = h(
    "section",
    { class: "mlm-failure" },
    text,
    copyButton(FAILURE.copy, () => text.textContent ?? "", context.say),
  );
  let shown = "";

  return {
    element,
    update({ traceback }) {
      show(element, traceback !== "");
      if (traceback === shown) return;
      shown = traceback;
      const lines = traceback.trimEnd().split("\n");
      text.replaceChildren(...lines.map((line, index) => lineOf(line, index === lines.length - 1)));
    },
  };
}

function lineOf(line: string, isLast: boolean): HTMLElement {
  if (isLast) return h("span", { class: "mlm-exception" }, line);
  const place = PLACE.exec(line);
  if (!place) return h("span", {}, `${line}\n`);
  const [, indent = "", where = "", rest = ""] = place;
  return h("span", {}, indent, h("b", {}, where), `${rest}\n`);
}
