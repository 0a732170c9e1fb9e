import { acting } from "../lib/acting";
import { button, h, icon, setText, show } from "../lib/dom";
import { saveText } from "../lib/download";
import { LOG } from "../lib/texts";
import { type Context, foldable, type Section } from "./section";

/** Distance from the end, in pixels, that still counts as being at the end. */
const NEAR = 12;
type Level = keyof typeof LOG.levels;
const LEVELS: Level[] = ["info", "warning", "error"];

/** The last lines of the log. It follows the newest until the user scrolls up, or pauses it. */
export function log(context: Context): Section {
  const lines = h("div", {
    class: "mlm-lines",
    role: "log",
    "aria-live": "off",
    "aria-label": LOG.label,
    tabindex: "0",
  });
  const missed = h("span");
  const resume = h(
    "button",
    { type: "button", class: "mlm-resume", onclick: follow },
    icon("down"),
    missed,
  );
  const search = h("input", {
    type: "search",
    class: "mlm-input",
    placeholder: LOG.searchHint,
    "aria-label": LOG.search,
  });
  const level = h(
    "select",
    { class: "mlm-input", "aria-label": LOG.level },
    ...LEVELS.map((value) => h("option", { value }, LOG.levels[value])),
  );
  const pause = h(
    "button",
    { type: "button", class: "mlm-button", "aria-pressed": "false" },
    LOG.pause,
  );
  const save = button(LOG.download);
  const found = h("span", { class: "mlm-found", role: "status" });
  const { element, remark } = foldable(
    context,
    "log",
    LOG.title,
    h("div", { class: "mlm-log-bar mlm-row" }, search, level, found, pause, save),
    h("div", { class: "mlm-log-frame" }, lines, resume),
  );
  const { act } = acting(context.say, (words) => setText(found, words));
  // Lines are numbered from the start of the service: first and behind last of those shown.
  let first = 0;
  let end = 0;
  let following = true;
  /** Width and height of the text when it was last scrolled to its end. */
  let room = [0, 0];
  let paused = false;
  let seen = 0;
  let carried: Level = "info";

  function follow(): void {
    following = true;
    toEnd();
    mark();
  }

  function toEnd(): void {
    lines.scrollTop = lines.scrollHeight;
    room = [lines.clientWidth, lines.scrollHeight];
  }

  function mark(): void {
    if (following) seen = end;
    show(resume, !following);
    setText(missed, end > seen ? LOG.missed(end - seen) : LOG.newest);
  }

  function draw(): void {
    const { dropped, lines: texts } = context.python.get("tail");
    show(element, dropped + texts.length > 0);
    if (paused) {
      setText(pause, LOG.resume(Math.max(dropped + texts.length - end, 0)));
      return;
    }
    if (dropped > end || dropped + texts.length < end) {
      lines.replaceChildren();
      first = dropped;
      end = dropped;
      carried = "info";
    }
    for (; first < dropped; first += 1) {
      const gone = lines.firstElementChild as HTMLElement | null;
      // What the reader looks at stays where it is when lines above it go.
      if (gone && !following) lines.scrollTop -= gone.offsetHeight;
      gone?.remove();
    }
    const made = texts.slice(end - dropped).map(lineOf);
    lines.append(...made);
    end = dropped + texts.length;
    setText(remark, dropped ? LOG.dropped(dropped) : "");
    choose(made);
    if (following) toEnd();
    mark();
  }

  function lineOf(text: string): HTMLElement {
    carried = levelOf(text) ?? carried;
    const line = h("div", { "data-level": carried }, text || " ");
    if (carried === "error") line.dataset.tone = "bad";
    else if (carried === "warning") line.dataset.tone = "warn";
    return line;
  }

  /** Show, of some lines, those that are looked for. */
  function choose(among: Iterable<Element>): void {
    const words = search.value.trim().toLowerCase();
    const least = LEVELS.indexOf(level.value as Level);
    for (const line of among as Iterable<HTMLElement>) {
      const text = line.textContent ?? "";
      const at = words ? text.toLowerCase().indexOf(words) : -1;
      const heavy = LEVELS.indexOf(line.dataset.level as Level) >= least;
      show(line, heavy && (words === "" || at >= 0));
      if (at >= 0) {
        const to = at + words.length;
        line.replaceChildren(text.slice(0, at), h("mark", {}, text.slice(at, to)), text.slice(to));
      } else if (line.childElementCount) line.replaceChildren(text);
    }
    const isFiltered = words !== "" || least > 0;
    const count = lines.querySelectorAll(":scope > :not([hidden])").length;
    setText(found, isFiltered ? LOG.found(count) : "");
  }

  function chooseAll(): void {
    choose(lines.children);
    if (following) toEnd();
  }

  function setPaused(isPaused: boolean): void {
    paused = isPaused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) setText(pause, LOG.pause);
    draw();
  }

  async function download(): Promise<void> {
    const { text } = await context.python.ask("log", {}, 60);
    // The log of a service that was deleted is gone with it.
    const shown = context.python.get("tail").lines.map((line) => `${line}\n`);
    saveText(text || shown.join(""), LOG.fileName(context.python.get("snapshot").name));
  }

  lines.addEventListener("scroll", () => {
    // A window that gets wider wraps the lines anew, which scrolls, too; that was no user.
    const isWrapped = lines.clientWidth !== room[0] || lines.scrollHeight !== room[1];
    if (following && isWrapped) toEnd();
    else following = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - NEAR;
    mark();
  });
  search.addEventListener("input", chooseAll);
  level.addEventListener("change", chooseAll);
  pause.addEventListener("click", () => setPaused(!paused));
  save.addEventListener("click", () => void act(save, download, LOG.downloaded));
  // An output that is not yet laid out, or is folded, cannot scroll: catch up when it can.
  const resized = new ResizeObserver(() => following && follow());
  resized.observe(lines);
  context.signal.addEventListener("abort", () => resized.disconnect(), { once: true });
  context.python.watch("tail", draw, context.signal);
  draw();
  return { element, update: () => {} };
}

/** The level that a line tells; lines of a traceback tell none and belong to the one before. */
function levelOf(text: string): Level | undefined {
  const letter = /^\S+ \S+ ([DIWEC]) \[\d+\]/.exec(text)?.[1];
  if (letter) return letter === "W" ? "warning" : /[EC]/.test(letter) ? "error" : "info";
  if (/\b(ERROR|CRITICAL|FATAL)\b|^Traceback |^[\w.]*(Error|Exception)\b/.test(text))
    return "error";
  if (/\bWARN(ING)?\b/.test(text)) return "warning";
  if (/\b(INFO|DEBUG)\b/.test(text) || !/^(\s|$)/.test(text)) return "info";
  return undefined;
}
