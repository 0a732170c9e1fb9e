import type { Traffic } from "../contract";
import { h, setText, show } from "../lib/dom";
import { milliseconds, percent, rate } from "../lib/format";
import { sparkline } from "../lib/plot";
import { type Context, foldable, type Section } from "./section";

const SLOTS = 60;

/** What the service was asked in the last two minutes: rate, latency, errors. */
export function traffic(context: Context): Section {
  const requests = figure("Requests", "busy");
  const latency = figure("Latency", "good");
  const errors = figure("Errors", "bad");
  const { element, remark } = foldable(
    context,
    "traffic",
    "Requests",
    h("div", { class: "mlm-figures-row" }, requests.element, latency.element, errors.element),
  );
  setText(remark, "last 2 minutes");

  function draw(readings: Traffic[]): void {
    const last = readings.at(-1);
    show(element, last !== undefined);
    if (!last) return;
    const answered = readings.filter((one) => one.p50 !== null).at(-1);
    requests.draw(
      readings.map((one) => one.rate),
      rate(last.rate),
      "now",
    );
    latency.draw(
      readings.map((one) => one.p95),
      answered ? milliseconds(answered.p50 ?? 0) : "–",
      answered
        ? `median · p95 ${milliseconds(answered.p95 ?? 0)} · p99 ${milliseconds(answered.p99 ?? 0)}`
        : "no requests yet",
    );
    errors.draw(
      readings.map((one) => one.errors),
      percent(last.errors),
      "answered with 400 and above",
    );
  }

  context.python.watch("traffic", draw, context.signal);
  draw(context.python.get("traffic"));
  return { element, update: () => {} };
}

/** A number that stands for now, with its last two minutes beneath. */
function figure(title: string, tone: string) {
  const value = h("strong");
  const detail = h("span", { class: "mlm-detail" });
  const plot = sparkline(tone);
  return {
    element: h(
      "div",
      { class: "mlm-stat" },
      h("span", { class: "mlm-caption" }, title),
      h("div", {}, value, " ", detail),
      plot.element,
    ),
    draw(values: (number | null)[], now: string, words: string): void {
      setText(value, now);
      setText(detail, words);
      plot.draw(values, SLOTS, `${title} of the last two minutes, now ${now}`);
    },
  };
}
