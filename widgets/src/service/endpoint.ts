import type { Snapshot } from "../contract";
import { copyButton } from "../lib/clipboard";
import { confirmation } from "../lib/confirm";
import { fill, h, setText, show } from "../lib/dom";
import { age } from "../lib/format";
import { keyValue } from "./keys";
import { type Context, isServing, type Section } from "./section";

/** Where the service answers, with which key, what it serves. */
export function endpoint(context: Context): Section {
  let snapshot: Snapshot | undefined;
  const uri = h("a", { class: "mlm-uri", target: "_blank", rel: "noopener noreferrer" });
  const uriRow = row(
    "URI",
    uri,
    copyButton("Copy the scoring URI", () => uri.textContent ?? "", context.say),
  );
  const internal = h("code");
  const internalRow = row(
    "Internal",
    internal,
    copyButton("Copy the internal URI", () => internal.textContent ?? "", context.say),
  );
  const kind = h("span");
  const kindRow = row("Reached by", kind);
  const question = confirmation();
  const keys = [
    keyValue(context, "primary", "key", question),
    keyValue(context, "secondary", "second key", question),
  ];
  const keyRows = keys.map(({ value, buttons }, index) =>
    row(index ? "Second key" : "Key", value, ...buttons),
  );
  const models = h("span", { class: "mlm-models" });
  const modelsRow = row("Models", models);
  const revision = h("span");
  const revisionRow = row("Revision", revision);

  function tick(now: number): void {
    const current = snapshot?.revisions.find((one) => one.current);
    if (!current) return;
    const words = [`${current.generation}, made ${age(current.createdAt, now)} ago`];
    if (current.note) words.push(current.note);
    const serving = snapshot && isServing(snapshot) ? snapshot.generation : 0;
    if (serving && serving !== current.generation) words.push(`revision ${serving} answers`);
    setText(revision, words.join(" · "));
  }

  const rows = [uriRow, internalRow, kindRow, ...keyRows, modelsRow, revisionRow];
  const list = h("dl", { class: "mlm-facts" }, ...rows);
  return {
    element: h("div", {}, list, question.element),
    update(next) {
      snapshot = next;
      const address = next.scoringUri ?? "";
      setText(uri, address);
      uri.href = address;
      show(uriRow, address !== "");
      setText(internal, next.internalUri ?? "");
      show(internalRow, next.internalUri !== null && next.internalUri !== next.scoringUri);
      setText(kind, next.addressKind);
      show(kindRow, next.addressKind !== "");
      for (const line of keyRows) show(line, next.auth === "key" && address !== "");
      if (next.state === "Deleted") for (const key of keys) key.hide();
      fill(models, next.models.length, () => h("code")).forEach((code, index) => {
        setText(code, next.models[index] ?? "");
      });
      show(modelsRow, next.models.length > 0);
      show(
        revisionRow,
        next.revisions.some((one) => one.current),
      );
      show(
        list,
        rows.some((one) => !one.hidden),
      );
      tick(Date.now());
    },
    tick,
  };
}

function row(label: string, value: Node, ...buttons: HTMLElement[]): HTMLDivElement {
  return h(
    "div",
    {},
    h("dt", {}, label),
    h("dd", {}, value, h("span", { class: "mlm-buttons" }, ...buttons)),
  );
}
