import { h, setText, show } from "./dom";
import { clock } from "./format";
import type { Python } from "./python";

/** The frame that all panels share: a note when the kernel goes, words for screen readers. */
export function frame(host: HTMLElement, className: string, ...parts: HTMLElement[]) {
  const live = h("div", { class: "mlm-offscreen", role: "status", "aria-live": "polite" });
  const note = h("p", { class: "mlm-note" });
  const root = h(
    "section",
    // Keys pressed in the panel are for the panel, not shortcuts of the notebook.
    { class: `mlm-panel ${className}`, "data-lm-suppress-shortcuts": "true" },
    note,
    ...parts,
    live,
  );
  show(note, false);
  host.append(root);
  return { root, note, say: (words: string) => setText(live, words) };
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
    setText(
      note,
      `The kernel is gone; ${what}. Last seen at ${clock(since())}: run the cell again.`,
    );
    show(note, !isLive);
    root.toggleAttribute("data-gone", !isLive);
  }, signal);
}
