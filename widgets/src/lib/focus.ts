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
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || takesEscape(event.target as Element)) return;
    root.closest<HTMLElement>(".jp-Cell")?.focus();
  });
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
  const focusable = root.querySelectorAll<HTMLElement>(
    "a[href], button, input, select, textarea, summary, [tabindex='0']",
  );
  const controls = [...focusable].filter((each) => isThere(each) && each.tabIndex >= 0);
  const before = controls.filter(
    (each) => place && each.compareDocumentPosition(place) === Node.DOCUMENT_POSITION_FOLLOWING,
  );
  (before.at(-1) ?? controls[0])?.focus();
}
