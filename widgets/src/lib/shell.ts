import { h, setText, show } from "./dom";
import { entrance, keepFocus } from "./focus";
import { clock } from "./format";
import type { Python } from "./python";
import { KERNEL } from "./texts";

/** The frame that all panels share: a note when the kernel goes, words for screen readers. */
export function frame(
  host: HTMLElement,
  signal: AbortSignal,
  className: string,
  ...parts: HTMLElement[]
) {
  const live = h("div", { class: "mlm-offscreen", role: "status", "aria-live": "polite" });
  const note = h("p", { class: "mlm-note" });
  const root = h("section", { class: `mlm-panel ${className}` }, note, ...parts, live);
  show(note, false);
  keepKeys(root, signal);
  keepFocus(root);
  root.prepend(entrance(root));
  host.append(root);
  // JupyterLab's and anywidget's parts keep the host of a view that is gone: not what was in it too.
  signal.addEventListener("abort", () => host.replaceChildren(), { once: true });
  // Equal words are said again only when the text changes.
  const say = (words: string) =>
    setText(live, words === live.textContent ? `${words}\u00a0` : words);
  return { root, note, say };
}

/**
 * Keys pressed in the panel are for the panel, not for its cell; with Ctrl or Cmd (save, find) they
 * go on, but for Enter: that would run the cell. JupyterLab hears keys at the document and meets
 * the element that has the focus first, so it is marked, too, and before.
 */
function keepKeys(root: HTMLElement, signal: AbortSignal): void {
  const mark = ({ target, key, ctrlKey, metaKey }: KeyboardEvent) => {
    if (!(target instanceof Element && root.contains(target))) return;
    const isKept = key === "Enter" || !(ctrlKey || metaKey);
    for (const place of [root, target]) place.toggleAttribute("data-lm-suppress-shortcuts", isKept);
  };
  window.addEventListener("keydown", mark, { capture: true, signal });
  root.addEventListener("keydown", (event) => isForPanel(event) && event.stopPropagation(), {
    signal,
  });
}

/** VS Code hears what leaves its page, and its Jupyter keys cut (X) and delete (D D) the cell. */
function isForPanel({ key, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  if (key === "Enter") return true;
  return !(altKey || ctrlKey || metaKey || key === "Escape" || /^F\d+$/.test(key));
}

/** Say that the kernel is gone while it is, and from when what is still shown comes. */
export function followConnection<T extends object>(
  { root, note }: { root: HTMLElement; note: HTMLElement },
  python: Pick<Python<T, Record<never, never>>, "onConnection">,
  what: string,
  since: () => string,
  signal: AbortSignal,
): void {
  python.onConnection((isLive) => {
    setText(note, KERNEL.gone(what, clock(since())));
    show(note, !isLive);
    root.toggleAttribute("data-gone", !isLive);
  }, signal);
}
