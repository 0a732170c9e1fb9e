/** The panel of one service: what it is, how it comes up, where it answers, what it says. */

import type { ServiceIntents, ServiceModel } from "./contract";
import { definition, type View } from "./lib/definition";
import type { Python } from "./lib/python";
import { followConnection, frame } from "./lib/shell";
import { createStore, type Store } from "./lib/store";
import { SERVICE } from "./lib/texts";
import { cancel } from "./service/cancel";
import { commands } from "./service/commands";
import { endpoint } from "./service/endpoint";
import { failure } from "./service/failure";
import { header } from "./service/header";
import { log } from "./service/log";
import { manage } from "./service/manage";
import { progress } from "./service/progress";
import { replicas } from "./service/replicas";
import { revisions } from "./service/revisions";
import type { Context, Section, Ui } from "./service/section";
import { traffic } from "./service/traffic";
import { tryIt } from "./service/tryit";

type Door = Python<ServiceModel, ServiceIntents>;

export default definition<ServiceModel, ServiceIntents, Store<Ui>>(draw, () =>
  createStore<Ui>({ body: null, mode: "json", folded: { revisions: true, manage: true } }),
);

function draw(python: Door, { place, signal }: View, ui: Store<Ui>): void {
  const parts = frame(place, signal, "mlm-service");
  const { root } = parts;
  const context: Context = { python, ui, signal, say: parts.say };
  const sections: Section[] = [
    header(context),
    progress(),
    cancel(context),
    failure(context),
    endpoint(context),
    replicas(context),
    traffic(context),
    tryIt(context),
    log(context),
    revisions(context),
    manage(context),
    commands(context),
  ];
  parts.note.after(...sections.map((section) => section.element));

  function update(): void {
    const snapshot = python.get("snapshot");
    root.setAttribute("aria-label", SERVICE.label(snapshot.name));
    root.dataset.state = snapshot.state;
    for (const part of sections) part.update(snapshot);
  }

  function tick(): void {
    if (document.hidden || !root.isConnected) return;
    for (const part of sections) part.tick?.(Date.now());
  }

  update();
  python.watch("snapshot", update, signal);
  const since = () => python.get("snapshot").updatedAt;
  followConnection(parts, python, SERVICE.kernelGone, since, signal);
  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
