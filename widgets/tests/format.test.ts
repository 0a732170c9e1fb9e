import { describe, expect, test } from "vitest";
import {
  age,
  bytes,
  clock,
  duration,
  milliseconds,
  percent,
  pretty,
  rate,
} from "../src/lib/format";
import { RESULT } from "../src/lib/texts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

describe("times", () => {
  test.each([
    [0, "0 s"],
    [59, "59 s"],
    [60, "1 min"],
    [3599, "59 min"],
    [3600, "1 h"],
    [7500, "2 h 5 min"],
    [86400, "1 d"],
    [349200, "4 d 1 h"],
  ])("%d seconds are %s", (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  test.each([
    ["2026-03-01T11:58:00Z", "2 min"],
    ["2026-03-01T13:58:00+02:00", "2 min"],
    ["2026-03-01T12:00:09Z", "0 s"],
    [null, "–"],
    ["yesterday", "–"],
  ])("what began at %s is %s old", (since, words) => {
    expect(age(since, NOW)).toBe(words);
  });

  test("a time that is none is shown as it came", () => {
    expect(clock("soon")).toBe("soon");
    expect(clock("2026-03-01T12:00:00Z")).toMatch(/\d\d?:00:00/);
  });

  test.each([
    [0, "0.0 ms"],
    [9.94, "9.9 ms"],
    [9.96, "10 ms"],
    [999.4, "999 ms"],
    [999.5, "1.0 s"],
    [9949, "9.9 s"],
    [9950, "10 s"],
  ])("%d milliseconds are %s", (value, words) => {
    expect(milliseconds(value)).toBe(words);
  });
});

describe("numbers", () => {
  test.each([
    [null, "–"],
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [9949, "9.9 kB"],
    [9950, "10 kB"],
    [999_500, "1.0 MB"],
    [2_500_000_000, "2.5 GB"],
    [7e15, "7000 TB"],
  ])("%d bytes are %s", (count, words) => {
    expect(bytes(count)).toBe(words);
  });

  test.each([
    [0, "0/s"],
    [0.4, "0.4/s"],
    [9.96, "10/s"],
    [3400, "3,400/s"],
  ])("%d requests a second are %s", (value, words) => {
    expect(rate(value)).toBe(words);
  });

  test.each([
    [0, "0 %"],
    [0.004, "0.4 %"],
    [0.0995, "10 %"],
    [1, "100 %"],
  ])("a share of %d is %s", (share, words) => {
    expect(percent(share)).toBe(words);
  });

  test.each([
    [0, "0 rows"],
    [1, "1 row"],
    [12000, "12,000 rows"],
  ])("%d are told as %s", (count, words) => {
    expect(RESULT.count(count, count)).toBe(words);
  });
});

describe("answers", () => {
  test("what is no JSON stays as it is", () => {
    expect(pretty("{no json")).toBe("{no json");
  });

  test("a short answer stands on one line", () => {
    expect(pretty("[189.8,82.5]")).toBe("[189.8, 82.5]");
  });

  test("a table has a row on each line", () => {
    const row = { age: 0.038, bmi: 0.0617, bp: 0.0219 };
    const lines = pretty(JSON.stringify({ data: [row, row] })).split("\n");
    const shown = '{"age": 0.038, "bmi": 0.0617, "bp": 0.0219}';
    expect(lines.map((line) => line.trim())).toEqual([
      "{",
      '"data": [',
      `${shown},`,
      shown,
      "]",
      "}",
    ]);
  });

  test("nothing is lost by the spreading", () => {
    const value = { text: "a\n {b} [c]", deep: [[1, [2, { x: null }]], [], {}] };
    expect(JSON.parse(pretty(JSON.stringify(value)))).toEqual(value);
  });
});
