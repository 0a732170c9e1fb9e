import type { Replica } from "../contract";
import { fill, h, setText, show } from "../lib/dom";
import { age, bytes } from "../lib/format";
import { REPLICAS } from "../lib/texts";
import { type Context, foldable, type Section } from "./section";

export function replicas(context: Context): Section {
  let shown: Replica[] = [];
  const body = h("tbody");
  const table = h(
    "table",
    {},
    h(
      "thead",
      {},
      h("tr", {}, ...REPLICAS.columns.map((title) => h("th", { scope: "col" }, title))),
    ),
    body,
  );
  const { element, remark } = foldable(context, "replicas", REPLICAS.title, table);

  function draw(now: number): void {
    fill(body, shown.length, emptyRow).forEach((line, index) => {
      const replica = shown[index];
      if (!replica) return;
      const cells = [
        replica.name,
        replica.stage,
        String(replica.restarts),
        age(replica.startedAt, now),
        bytes(replica.memoryBytes),
      ];
      for (const [column, cell] of [...line.cells].entries()) setText(cell, cells[column] ?? "");
      line.dataset.ready = String(replica.ready);
      line.dataset.restarted = String(replica.restarts > 0);
    });
  }

  return {
    element,
    update(snapshot) {
      shown = snapshot.replicas;
      const ready = shown.filter((replica) => replica.ready).length;
      setText(remark, REPLICAS.ready(ready, snapshot.replicasWanted));
      show(element, shown.length > 0);
      draw(Date.now());
    },
    tick: draw,
  };
}

function emptyRow(): HTMLTableRowElement {
  return h("tr", {}, h("th", { scope: "row" }), ...REPLICAS.columns.slice(1).map(() => h("td")));
}
