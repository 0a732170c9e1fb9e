import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ServiceIntents, ServiceModel } from "../src/contract";
import { openDoor } from "../src/lib/python";
import { createStore } from "../src/lib/store";
import { log } from "../src/service/log";
import type { Ui } from "../src/service/section";
import { kernel } from "./model";

const OWN = (level: string, words: string) => `2026-03-01 12:00:00,000 ${level} [17] ${words}`;

let view: AbortController;
let python: ReturnType<typeof kernel>;
let element: HTMLElement;

beforeEach(() => {
  view = new AbortController();
  python = kernel({ tail: { dropped: 0, lines: [] }, snapshot: { name: "iris-svc" } });
  ({ element } = log({
    python: openDoor<ServiceModel, ServiceIntents>(python.model),
    ui: createStore<Ui>({ body: null, mode: "form", folded: {} }),
    say: () => {},
    signal: view.signal,
  }));
  document.body.append(element);
});

afterEach(() => {
  view.abort();
  element.remove();
});

const tail = (lines: string[], dropped = 0) => python.set("tail", { dropped, lines });
const find = <T extends HTMLElement>(selector: string) => element.querySelector<T>(selector) as T;
const lines = () => [...element.querySelectorAll<HTMLElement>(".mlm-lines > div")];
const visible = () => lines().flatMap((line) => (line.hidden ? [] : [line.textContent]));
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

function choose(selector: string, value: string, event: string): void {
  const place = find<HTMLInputElement | HTMLSelectElement>(selector);
  place.value = value;
  place.dispatchEvent(new Event(event));
}

const search = (words: string) => choose("input[type=search]", words, "input");
const level = (least: string) => choose("select", least, "change");
const button = (words: string) =>
  [...element.querySelectorAll("button")].find((each) =>
    each.textContent?.startsWith(words),
  ) as HTMLButtonElement;

describe("the tail", () => {
  test("is hidden while there is no line", () => {
    expect(element.hidden).toBe(true);
    tail(["first"]);
    expect(element.hidden).toBe(false);
  });

  test("keeps the lines that are there and adds the new", () => {
    tail(numbered(0, 3));
    const before = lines();
    tail(numbered(0, 5));
    expect(lines().slice(0, 3)).toEqual(before);
    expect(visible()).toEqual(numbered(0, 5));
  });

  test("loses what Python holds no longer, and tells how many", () => {
    tail(numbered(0, 5));
    tail(numbered(3, 8), 3);
    expect(visible()).toEqual(numbered(3, 8));
    expect(find(".mlm-remark").textContent).toBe("3 earlier lines not shown");
  });

  test("goes on where all that was shown is gone", () => {
    tail(numbered(0, 5));
    tail(numbered(12_000, 12_003), 12_000);
    expect(visible()).toEqual(numbered(12_000, 12_003));
    expect(find(".mlm-remark").textContent).toBe("12,000 earlier lines not shown");
  });

  test("begins anew with a kernel that counts from the start", () => {
    tail(numbered(90, 95), 90);
    tail(numbered(0, 2));
    expect(visible()).toEqual(numbered(0, 2));
  });

  test("takes an empty line as a line", () => {
    tail(["one", "", "three"]);
    expect(lines()).toHaveLength(3);
  });
});

describe("a pause", () => {
  test("holds what is read and counts what comes", () => {
    tail(numbered(0, 2));
    button("Pause").click();
    tail(numbered(0, 5));
    expect(visible()).toEqual(numbered(0, 2));
    expect(button("Resume").textContent).toBe("Resume (3 new lines)");
    expect(button("Resume").getAttribute("aria-pressed")).toBe("true");
    button("Resume").click();
    expect(visible()).toEqual(numbered(0, 5));
    expect(button("Pause").getAttribute("aria-pressed")).toBe("false");
  });

  test("also where lines fell out of the buffer meanwhile", () => {
    tail(numbered(0, 4));
    button("Pause").click();
    tail(numbered(2000, 2004), 2000);
    expect(visible()).toEqual(numbered(0, 4));
    button("Resume").click();
    expect(visible()).toEqual(numbered(2000, 2004));
  });
});

describe("search and level", () => {
  const TEXTS = [
    OWN("I", "ready"),
    OWN("W", "slow answer"),
    OWN("E", "init() failed"),
    "Traceback (most recent call last):",
    '  File "score.py", line 7, in init',
    "json.decoder.JSONDecodeError: 'ridge'",
    "INFO:root:the model is READY",
  ];

  test("a search leaves what has the words, whatever their capitals, and marks them", () => {
    tail(TEXTS);
    search("ready");
    expect(visible()).toEqual([TEXTS[0], TEXTS[6]]);
    expect([...element.querySelectorAll("mark")].map((each) => each.textContent)).toEqual([
      "ready",
      "READY",
    ]);
    expect(find(".mlm-found").textContent).toBe("2 lines found");
    search("");
    expect(visible()).toEqual(TEXTS);
    expect(element.querySelectorAll("mark")).toHaveLength(0);
    expect(find(".mlm-found").textContent).toBe("");
  });

  test("what is looked for is no pattern, and no markup", () => {
    tail(["a.b", "axb", "<b>.*</b>"]);
    search(".*</b>");
    expect(visible()).toEqual(["<b>.*</b>"]);
    expect(element.querySelector(".mlm-lines b")).toBeNull();
  });

  test("a level keeps the traceback with the line that it belongs to", () => {
    tail(TEXTS);
    level("error");
    expect(visible()).toEqual(TEXTS.slice(2, 6));
    level("warning");
    expect(visible()).toEqual(TEXTS.slice(1, 6));
    level("info");
    expect(visible()).toEqual(TEXTS);
  });

  test("both hold for lines that come later", () => {
    level("warning");
    search("slow");
    tail(TEXTS);
    tail([...TEXTS, OWN("W", "slow again"), OWN("I", "slow but fine"), OWN("E", "quick")]);
    expect(visible()).toEqual([TEXTS[1], OWN("W", "slow again")]);
    expect(find(".mlm-found").textContent).toBe("2 lines found");
  });
});

test("of a service that is gone, what is shown is downloaded", async () => {
  const made = vi.spyOn(URL, "createObjectURL");
  tail(numbered(0, 3));
  button("Download").click();
  python.answer(python.asked.at(-1)?.id ?? "", { text: "" });
  await vi.waitFor(() => expect(made).toHaveBeenCalledTimes(1));
  const [[file] = []] = made.mock.calls;
  expect(await (file as Blob).text()).toBe("line 0\nline 1\nline 2\n");
  made.mockRestore();
});

test("follows the newest line through changes of width, until the user scrolls", async () => {
  const place = find(".mlm-lines");
  const settled = () => new Promise((resolve) => setTimeout(resolve, 100));
  place.style.cssText = "height: 60px; width: 300px; overflow: auto";
  tail(numbered(0, 100).map((line) => `${line} of words that wrap `.repeat(9)));
  await settled();
  for (const width of ["900px", "250px", "400px"]) {
    place.style.width = width;
    expect(place.clientWidth).toBeGreaterThan(0); // laid out before the page hears of its size
    await settled();
    expect(place.scrollTop).toBeGreaterThan(place.scrollHeight - place.clientHeight - 12);
    expect(find(".mlm-resume").hidden).toBe(true);
  }
  place.scrollTop = 10;
  await settled();
  expect(find(".mlm-resume").hidden).toBe(false);
  place.style.width = "800px";
  await settled();
  expect(place.scrollTop).toBeLessThan(place.scrollHeight / 2);
});

test("the whole log is asked of Python, and its refusal is told", async () => {
  tail(["one"]);
  button("Download").click();
  expect(python.asked.map(({ kind }) => kind)).toEqual(["log"]);
  expect(button("Download").ariaBusy).toBe("true");
  python.refuse(python.asked[0]?.id ?? "", "The log cannot be read.");
  await expect.poll(() => find(".mlm-found").textContent).toBe("The log cannot be read.");
  expect(button("Download").ariaBusy).toBeNull();
});

test("nothing listens once the view has gone", () => {
  view.abort();
  expect(python.listening("change:tail")).toBe(0);
});
