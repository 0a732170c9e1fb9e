/** The panel of one service: what it is, how it comes up, where it answers, what it says. */

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import type { ServiceIntents, ServiceModel } from "./contract";
import { h, setText, show } from "./lib/dom";
import { clock } from "./lib/format";
import { openDoor, type Python } from "./lib/python";
import { createStore, type Store } from "./lib/store";
import { commands } from "./service/commands";
import { endpoint } from "./service/endpoint";
import { failure } from "./service/failure";
import { header } from "./service/header";
import { log } from "./service/log";
import { progress } from "./service/progress";
import { replicas } from "./service/replicas";
import type { Context, Section, Ui } from "./service/section";
import { tryIt } from "./service/tryit";

type Door = Python<ServiceModel, ServiceIntents>;

/** One definition per model, so that several views of it share one door and one state. */
export default () => {
  const ui: Store<Ui> = createStore<Ui>({ body: null, folded: {} });
  let door: Door | undefined;
  const doorOf = (model: unknown): Door => {
    door ??= openDoor<ServiceModel, ServiceIntents>(model as AnyModel);
    return door;
  };
  return {
    initialize({ model }: InitializeProps): void {
      doorOf(model);
    },
    render({ model, el, signal }: RenderProps): void {
      draw(el, doorOf(model), ui, signal);
    },
  };
};

function draw(host: HTMLElement, python: Door, ui: Store<Ui>, signal: AbortSignal): void {
  const live = h("div", { class: "mlm-offscreen", role: "status", "aria-live": "polite" });
  const context: Context = { python, ui, signal, say: (words) => setText(live, words) };
  const parts: Section[] = [
    header(context),
    progress(),
    failure(context),
    endpoint(context),
    replicas(context),
    tryIt(context),
    log(context),
    commands(context),
  ];
  const note = h("p", { class: "mlm-note" });
  const root = h(
    "section",
    // Keys pressed in the panel are for the panel, not shortcuts of the notebook.
    { class: "mlm-panel", "data-lm-suppress-shortcuts": "true" },
    note,
    ...parts.map((part) => part.element),
    live,
  );

  function update(): void {
    const snapshot = python.get("snapshot");
    root.setAttribute("aria-label", `Service ${snapshot.name}`);
    root.dataset.state = snapshot.state;
    for (const part of parts) part.update(snapshot);
  }

  function tick(): void {
    if (document.hidden || !root.isConnected) return;
    for (const part of parts) part.tick?.(Date.now());
  }

  function showConnection(isLive: boolean): void {
    const at = clock(python.get("snapshot").updatedAt);
    setText(
      note,
      `The kernel is gone; the service is not. Last seen at ${at}: run the cell again.`,
    );
    show(note, !isLive);
    root.toggleAttribute("data-gone", !isLive);
  }

  host.append(root);
  show(note, false);
  update();
  python.watch("snapshot", update, signal);
  python.onConnection(showConnection, signal);
  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}
