import type { Host } from "@anywidget/types";
import type { PanelReference } from "../contract";
import { h } from "./dom";
import type { Python } from "./python";
import { CHILD } from "./texts";
import { wordsOf } from "./words";

/** A place with the panel that a trait names, the same in each view and after a reload. */
export function child<Name extends string>(
  python: Pick<Python<Record<Name, PanelReference>, Record<never, never>>, "get" | "watch">,
  name: Name,
  host: Host,
  signal: AbortSignal,
  appeared: () => void = () => {},
): HTMLElement {
  const element = h("div", { class: "mlm-opened" });
  let view: AbortController | undefined;

  async function update(): Promise<void> {
    view?.abort();
    element.replaceChildren();
    const reference = python.get(name);
    if (reference === null) return;
    view = new AbortController();
    const { signal: gone } = view;
    try {
      const widget = await host.getWidget(reference.replace("IPY_MODEL_", "anywidget:"));
      if (!gone.aborted) await widget.render({ el: element, signal: gone });
    } catch (error) {
      if (!gone.aborted) element.replaceChildren(trouble(error));
    }
  }

  python.watch(name, () => void update().then(appeared), signal);
  signal.addEventListener("abort", () => view?.abort(), { once: true });
  void update();
  return element;
}

function trouble(error: unknown): HTMLElement {
  const words = CHILD.failed(wordsOf(error));
  const told = h("p", { class: "mlm-trouble", role: "alert" }, words);
  return h("section", { class: "mlm-panel" }, told);
}
