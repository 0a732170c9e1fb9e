import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { strayTexts, unusedTexts } from "../texts.mjs";

test("all words of the panels stand in src/lib/texts.ts", () => {
  expect(strayTexts("src")).toEqual([]);
});

test("each of them is said somewhere", () => {
  expect(unusedTexts()).toEqual([]);
});

test("words that stand elsewhere are found, and code is not taken for them", () => {
  const marked = ["panel.ts", "panel.css"].flatMap((name) =>
    readFileSync(new URL(`stray/${name}`, import.meta.url), "utf8")
      .split("\n")
      .flatMap((line, index) =>
        /\/[/*] words/.test(line) ? `tests/stray/${name}:${index + 1}` : [],
      ),
  );
  const found = strayTexts("tests/stray").map((each) => each.replace(/: .*/s, ""));
  expect([...new Set(found)]).toEqual(marked);
});
