import type { Snapshot } from "../contract";
import { copyButton } from "../lib/clipboard";
import { fill, h, iconButton, setIcon, setLabel, setText, show } from "../lib/dom";
import { age } from "../lib/format";
import { type Context, isServing, type Section } from "./section";

const MASK = "•".repeat(24);
const SHOWN_SECONDS = 60;

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
  const key = keyRow(context);
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

  const rows = [uriRow, internalRow, key.element, modelsRow, revisionRow];
  const list = h("dl", { class: "mlm-facts" }, ...rows);
  return {
    element: list,
    update(next) {
      snapshot = next;
      const address = next.scoringUri ?? "";
      setText(uri, address);
      uri.href = address;
      show(uriRow, address !== "");
      setText(internal, next.internalUri ?? "");
      show(internalRow, next.internalUri !== null && next.internalUri !== next.scoringUri);
      show(key.element, next.auth === "key" && address !== "");
      key.update(next);
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

/** The key is asked from Python on a click and held only by the element that shows it. */
function keyRow(context: Context): Section {
  const value = h("code", { class: "mlm-key" }, MASK);
  const ask = async () => (await context.python.ask("keys", {})).primary;
  let timer = 0;

  function hide(): void {
    clearTimeout(timer);
    setText(value, MASK);
    delete value.dataset.shown;
    setButton("show", "Show the key");
  }

  async function reveal(): Promise<void> {
    try {
      setText(value, await ask());
    } catch (error) {
      setText(value, error instanceof Error ? error.message : String(error));
    }
    value.dataset.shown = "";
    setButton("hide", "Hide the key");
    timer = window.setTimeout(hide, SHOWN_SECONDS * 1000);
  }

  function setButton(name: "show" | "hide", label: string): void {
    const svg = toggle.querySelector("svg");
    if (svg) setIcon(svg, name);
    setLabel(toggle, label);
  }

  const toggle = iconButton("show", "Show the key", () => {
    if ("shown" in value.dataset) hide();
    else void reveal();
  });
  context.signal.addEventListener("abort", hide);
  return {
    element: row("Key", value, toggle, copyButton("Copy the key", ask, context.say)),
    update(snapshot) {
      if (snapshot.state === "Deleted") hide();
    },
  };
}
