/** Small plots: a line or an area over the last readings, drawn as one SVG path. */

import type { Tone } from "./state";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 24;

export interface Plot {
  element: SVGSVGElement;
  /** Draw readings, oldest first; `slots` is how many fit, so that time runs evenly. */
  draw(values: (number | null)[], slots: number, label: string): void;
}

/** A plot of as many lines as there are tones; all share one scale from 0. */
export function sparkline(tone: Tone = "busy"): Plot {
  const element = document.createElementNS(SVG, "svg");
  element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  element.setAttribute("preserveAspectRatio", "none");
  element.setAttribute("class", "mlm-plot");
  element.setAttribute("role", "img");
  element.dataset.tone = tone;
  const area = document.createElementNS(SVG, "path");
  area.setAttribute("class", "mlm-area");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("class", "mlm-line");
  element.append(area, line);

  return {
    element,
    draw(values, slots, label) {
      const shown = values.slice(-slots);
      const top = Math.max(...shown.map((value) => value ?? 0), Number.MIN_VALUE);
      const step = WIDTH / Math.max(slots - 1, 1);
      const start = WIDTH - (shown.length - 1) * step;
      const points = shown.map((value, index) => {
        const y = HEIGHT - 1 - ((value ?? 0) / top) * (HEIGHT - 3);
        return `${(start + index * step).toFixed(1)},${y.toFixed(1)}`;
      });
      const path = points.length > 1 ? `M${points.join(" ")}` : "";
      line.setAttribute("d", path);
      area.setAttribute("d", path && `${path}L${WIDTH},${HEIGHT}L${start.toFixed(1)},${HEIGHT}Z`);
      element.setAttribute("aria-label", label);
    },
  };
}
