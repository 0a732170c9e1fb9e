import type { Snapshot } from "../contract";
import { copyButton } from "../lib/clipboard";
import { confirmation } from "../lib/confirm";
import { fill, h, setText, show } from "../lib/dom";
import { age } from "../lib/format";
import { ENDPOINT } from "../lib/texts";
import { keyValue } from "./keys";
import { type Context, isServing, type Section } from "./section";

/** Where the service answers, with which key, what it serves. */
export function endpoint(context: Context): Section {
  let snapshot: Snapshot | undefined;
  const uri = h("a", { class: "mlm-uri", target: "_blank", rel: "noopener noreferrer" });
  const uriRow = row(
    ENDPOINT.uri,
    uri,
    copyButton(ENDPOINT.copyUri, () => uri.textContent ?? "", context.say),
  );
  const internal = h("code");
  const internalRow = row(
    ENDPOINT.internal,
    internal,
    copyButton(ENDPOINT.copyInternal, () => internal.textContent ?? "", context.say),
  );
  const kind = h("span");
  const kindRow = row(ENDPOINT.kind, kind);
  const question = confirmation();
  const keys = [keyValue(context, "primary", question), keyValue(context, "secondary", question)];
  const keyRows = keys.map(({ which, value, buttons }) =>
    row(ENDPOINT.keys[which], value, ...buttons),
  );
  const models = h("span", { class: "mlm-models" });
  const modelsRow = row(ENDPOINT.models, models);
  const revision = h("span");
  const revisionRow = row(ENDPOINT.revision, revision);

  function tick(now: number): void {
    const current = snapshot?.revisions.find((one) => one.current);
    if (!current) return;
    const words = [ENDPOINT.made(current.generation, age(current.createdAt, now))];
    if (current.note) words.push(current.note);
    const serving = snapshot && isServing(snapshot) ? snapshot.generation : 0;
    if (serving && serving !== current.generation) words.push(ENDPOINT.answers(serving));
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
