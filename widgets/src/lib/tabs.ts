import { h } from "./dom";

/** Tabs after the ARIA pattern: arrows move, one is in the order of the Tab key. */
export function tabs<Name extends string>(
  label: string,
  names: Record<Name, string>,
  chosen: (name: Name) => void,
) {
  const list = Object.entries<string>(names).map(([name, title]) =>
    h("button", { type: "button", role: "tab", class: "mlm-tab", "data-name": name }, title),
  );
  const element = h("div", { class: "mlm-tabs", role: "tablist", "aria-label": label }, ...list);

  function mark(name: string): void {
    for (const tab of list) {
      const isChosen = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
  }

  function choose(tab: HTMLButtonElement | undefined): void {
    if (!tab) return;
    mark(tab.dataset.name ?? "");
    chosen(tab.dataset.name as Name);
  }

  element.addEventListener("click", (event) => {
    choose(list.find((tab) => tab === event.target));
  });
  element.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const now = list.findIndex((tab) => tab.tabIndex === 0);
    const next = list[(now + step + list.length) % list.length];
    next?.focus();
    choose(next);
    event.preventDefault();
  });
  return { element, mark };
}
