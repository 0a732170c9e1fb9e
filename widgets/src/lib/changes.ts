import type { Change } from "../contract";
import { h } from "./dom";
import { CHANGES } from "./texts";

/** Differences as a list: what goes is struck out, what comes stands behind it. */
export function changeList(changes: Change[]): HTMLElement {
  if (changes.length === 0) return h("p", { class: "mlm-hint" }, CHANGES.none);
  return h("ul", { class: "mlm-changes" }, ...changes.map(lineOf));
}

function lineOf({ field, before, after }: Change): HTMLElement {
  const parts: (Node | string)[] = [h("span", {}, `${field} `)];
  if (before) parts.push(h("del", {}, before));
  if (before && after) parts.push(" → ");
  if (after) parts.push(h("ins", {}, after));
  return h("li", {}, ...parts);
}
