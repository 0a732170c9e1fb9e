import type { Tail } from "../contract";
import { h, icon, setText, show } from "../lib/dom";
import { plural } from "../lib/format";
import { type Context, foldable, type Section } from "./section";

/** Distance from the end, in pixels, that still counts as being at the end. */
const NEAR = 12;

/** The last lines of the log. It follows the newest until the user scrolls up. */
export function log(context: Context): Section {
  const lines = h("div", {
    class: "mlm-lines",
    role: "log",
    "aria-live": "off",
    "aria-label": "Log of the service",
    tabindex: "0",
  });
  const missed = h("span");
  const resume = h(
    "button",
    { type: "button", class: "mlm-resume", onclick: follow },
    icon("down"),
    missed,
  );
  const { element, remark } = foldable(
    context,
    "log",
    "Log",
    h("div", { class: "mlm-log-frame" }, lines, resume),
  );
  // Lines are numbered from the start of the service: first and behind last of those shown.
  let first = 0;
  let end = 0;
  let following = true;
  let seen = 0;

  function follow(): void {
    following = true;
    lines.scrollTop = lines.scrollHeight;
    mark();
  }

  function mark(): void {
    if (following) seen = end;
    show(resume, !following);
    setText(missed, end > seen ? plural(end - seen, "new line") : "To the newest line");
  }

  function draw({ dropped, lines: texts }: Tail): void {
    if (dropped > end || dropped + texts.length < end) {
      lines.replaceChildren();
      first = dropped;
      end = dropped;
    }
    for (; first < dropped; first += 1) {
      const gone = lines.firstElementChild as HTMLElement | null;
      // What the reader looks at stays where it is when lines above it go.
      if (gone && !following) lines.scrollTop -= gone.offsetHeight;
      gone?.remove();
    }
    lines.append(...texts.slice(end - dropped).map(lineOf));
    end = dropped + texts.length;
    setText(remark, dropped ? `${plural(dropped, "earlier line")} not shown` : "");
    show(element, end > 0);
    if (following) lines.scrollTop = lines.scrollHeight;
    mark();
  }

  lines.addEventListener("scroll", () => {
    following = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - NEAR;
    mark();
  });
  // An output that is not yet laid out, or is folded, cannot scroll: catch up when it can.
  const resized = new ResizeObserver(() => following && follow());
  resized.observe(lines);
  context.signal.addEventListener("abort", () => resized.disconnect());
  context.python.watch("tail", draw, context.signal);
  draw(context.python.get("tail"));
  return { element, update: () => {} };
}

function lineOf(text: string): HTMLElement {
  const line = h("div", {}, text || " ");
  if (/\b(ERROR|CRITICAL|FATAL)\b|^Traceback |^\w*(Error|Exception)\b/.test(text))
    line.dataset.tone = "bad";
  else if (/\bWARN(ING)?\b/.test(text)) line.dataset.tone = "warn";
  return line;
}
