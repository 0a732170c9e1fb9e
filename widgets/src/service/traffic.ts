import type { Snapshot, Traffic } from "../contract";
import { h, setText, show } from "../lib/dom";
import { milliseconds, percent, rate } from "../lib/format";
import { sparkline } from "../lib/plot";
import type { Tone } from "../lib/state";
import { TRAFFIC } from "../lib/texts";
import { type Context, foldable, type Section } from "./section";

const SLOTS = 60;

/** What the service was asked in the last two minutes: rate, latency, errors. */
export function traffic(context: Context): Section {
  const requests = figure(TRAFFIC.requests, "busy");
  const latency = figure(TRAFFIC.latency, "good");
  const errors = figure(TRAFFIC.errors, "bad");
  const { element, remark } = foldable(
    context,
    "traffic",
    TRAFFIC.title,
    h("div", { class: "mlm-figures-row" }, requests.element, latency.element, errors.element),
  );
  setText(remark, TRAFFIC.period);
  let isAsked = true;

  function draw(readings: Traffic[]): void {
    const last = readings.at(-1);
    show(element, last !== undefined && isAsked);
    if (!last) return;
    const answered = readings.filter((one) => one.p50 !== null).at(-1);
    requests.draw(
      readings.map((one) => one.rate),
      rate(last.rate),
      TRAFFIC.requestsNow,
    );
    latency.draw(
      readings.map((one) => one.p95),
      answered ? milliseconds(answered.p50 ?? 0) : "–",
      answered
        ? TRAFFIC.percentiles(milliseconds(answered.p95 ?? 0), milliseconds(answered.p99 ?? 0))
        : TRAFFIC.noRequests,
    );
    errors.draw(
      readings.map((one) => one.errors),
      percent(last.errors),
      TRAFFIC.errorsAre,
    );
  }

  context.python.watch("traffic", draw, context.signal);
  draw(context.python.get("traffic"));
  return {
    element,
    update(snapshot: Snapshot) {
      const { state, reason } = snapshot;
      isAsked = state !== "Deleted" && state !== "Deleting" && reason !== "Stopped";
      draw(context.python.get("traffic"));
    },
  };
}

/** A number that stands for now, with its last two minutes beneath. */
function figure(title: string, tone: Tone) {
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
      plot.draw(values, SLOTS, TRAFFIC.plot(title, now));
    },
  };
}
