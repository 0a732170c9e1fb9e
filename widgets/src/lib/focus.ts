import { h } from "./dom";

/** Whoever works with the keyboard stays in the panel when what has the focus goes, until Escape. */
export function keepFocus(root: HTMLElement): void {
  let around: Element[] = [];

  root.addEventListener("focusin", ({ target }) => {
    around = [];
    for (let each = target as Element | null; each && each !== root; each = each.parentElement)
      around.push(each);
  });
  root.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (relatedTarget !== null) return;
    const [left, path] = [target as HTMLElement, around];
    queueMicrotask(() => {
      const isLeft = isThere(left) || document.activeElement !== document.body;
      if (!isLeft && root.isConnected && root.checkVisibility()) focusBefore(root, path);
    });
  });
  keepInSight(root);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || takesEscape(event.target as Element)) return;
    cellOf(root)?.focus();
  });
}

/** JupyterLab's cell, or what stands in VS Code's page for the cell above an output. */
function cellOf(root: HTMLElement): HTMLElement | null {
  const place = root.closest<HTMLElement>(".jp-Cell, .cell_container");
  return place?.matches(".jp-Cell") ? place : (place?.previousElementSibling as HTMLElement | null);
}

/**
 * The first control of a panel, which hands the focus on to the first that is there. VS Code gives
 * it to the first one in an output, and to none where that is hidden.
 */
export function entrance(root: HTMLElement): HTMLElement {
  return h("button", {
    type: "button",
    class: "mlm-offscreen",
    tabindex: "-1",
    "aria-hidden": "true",
    onfocus: () => controlsOf(root)[0]?.focus(),
  });
}

/** Parts come and go above what has the focus, and JupyterLab turns scroll anchoring off. */
function keepInSight(root: HTMLElement): void {
  let isSeen = false;
  const sight = new IntersectionObserver((seen) => {
    isSeen = seen.at(-1)?.isIntersecting ?? false;
  });
  root.addEventListener("focusin", ({ target }) => sight.observe(target as Element));
  root.addEventListener("focusout", () => {
    sight.disconnect();
    isSeen = false;
  });
  // Comes before what it moved is told to be out of sight.
  const resized = new ResizeObserver(() => {
    const place = document.activeElement;
    if (isSeen && root.contains(place)) place?.scrollIntoView({ block: "nearest" });
  });
  resized.observe(root);
}

/** Whether Escape has a meaning of its own there: it empties a search, closes a list. */
function takesEscape(place: Element): boolean {
  const suggests = place instanceof HTMLInputElement && place.list?.options.length;
  return !!suggests || place.matches("select, input[type=search]:not(:placeholder-shown)");
}

function isThere(element: HTMLElement): boolean {
  return element.isConnected && element.checkVisibility() && !element.matches(":disabled");
}

/** Focus the last control before the place that is given by what was around it, innermost first. */
function focusBefore(root: HTMLElement, around: Element[]): void {
  const place = around.find((each) => each.isConnected);
  const controls = controlsOf(root);
  const before = controls.filter(
    (each) => place && each.compareDocumentPosition(place) === Node.DOCUMENT_POSITION_FOLLOWING,
  );
  (before.at(-1) ?? controls[0])?.focus();
}

/** What Tab leads to, in its order. */
function controlsOf(root: HTMLElement): HTMLElement[] {
  const focusable = root.querySelectorAll<HTMLElement>(
    "a[href], button, input, select, textarea, summary, [tabindex='0']",
  );
  return [...focusable].filter((each) => isThere(each) && each.tabIndex >= 0);
}
