import { afterEach, describe, expect, test } from "vitest";
import type { Schema } from "../src/contract";
import { blank, formOf } from "../src/service/form";

afterEach(() => document.body.replaceChildren());

function made(schema: Schema | undefined, value: unknown) {
  let latest = value;
  const form = formOf(schema, structuredClone(value), "", (next) => {
    latest = structuredClone(next);
  });
  document.body.append(form);
  return {
    form,
    latest: () => latest,
    inputs: () => [...form.querySelectorAll<HTMLInputElement>("input, select")],
  };
}

function type(place: HTMLInputElement | undefined, value: string, event = "input"): void {
  if (!place) throw new Error("There is no such field.");
  place.value = value;
  place.dispatchEvent(new Event(event));
}

describe("a value to start from", () => {
  test("has each part of the schema, with the example where there is one", () => {
    const schema: Schema = {
      type: "object",
      properties: {
        text: { type: "string" },
        count: { type: "integer" },
        share: { type: ["null", "number"] },
        sure: { type: "boolean" },
        rows: { type: "array", items: { type: "object", properties: { x: { type: "number" } } } },
        known: { type: "array", example: [[1, 2]] },
        any: {},
      },
    };
    expect(blank(schema)).toEqual({
      text: "",
      count: 0,
      share: 0,
      sure: false,
      rows: [{ x: 0 }],
      known: [[1, 2]],
      any: null,
    });
  });

  test("an example is a copy", () => {
    const schema: Schema = { example: { data: [1] } };
    (blank(schema) as { data: number[] }).data.push(2);
    expect(blank(schema)).toEqual({ data: [1] });
  });

  test("a schema that holds itself ends", () => {
    const tree: Schema = { type: "object", properties: {} };
    tree.properties = { child: tree };
    expect(JSON.stringify(blank(tree)).length).toBeLessThan(200);
  });
});

describe("the form of a value", () => {
  test("has a field for each part, also for one that only the schema knows", () => {
    const schema: Schema = { type: "object", properties: { method: { type: "string" } } };
    const { form, inputs, latest } = made(schema, { data: 1 });
    const labels = [...form.querySelectorAll("label > span")].map((each) => each.textContent);
    expect(labels).toEqual(["method", "data"]);
    type(inputs()[0], "predict");
    expect(latest()).toEqual({ data: 1, method: "predict" });
  });

  test("a number that is none is marked and not taken", () => {
    const { inputs, latest } = made(
      { type: "object", properties: { n: { type: "number" } } },
      { n: 1 },
    );
    for (const wrong of ["1,5", "", '"1"', "true"]) {
      type(inputs()[0], wrong);
      expect(inputs()[0]?.getAttribute("aria-invalid")).toBe("true");
    }
    expect(latest()).toEqual({ n: 1 });
    type(inputs()[0], "-2.5e3");
    expect(inputs()[0]?.getAttribute("aria-invalid")).toBe("false");
    expect(latest()).toEqual({ n: -2500 });
  });

  test("text stays text, whatever it looks like", () => {
    const { inputs, latest } = made(undefined, { zip: "01234" });
    type(inputs()[0], "00042");
    expect(latest()).toEqual({ zip: "00042" });
  });

  test("choices are those of the schema, as what they are", () => {
    const { inputs, latest } = made(
      { type: "object", properties: { k: { enum: [1, "1", null] } } },
      { k: 1 },
    );
    type(inputs()[0], '"1"', "change");
    expect(latest()).toEqual({ k: "1" });
    type(inputs()[0], "null", "change");
    expect(latest()).toEqual({ k: null });
  });

  test("a truth is a check box", () => {
    const { inputs, latest } = made(undefined, { sure: true });
    inputs()[0]?.click();
    expect(latest()).toEqual({ sure: false });
  });

  test("what is deeper than a table is written as JSON", () => {
    const { inputs, latest } = made(undefined, { image: [[[0, 1]], [[2, 3]]] });
    expect(inputs()).toHaveLength(1);
    type(inputs()[0], "[[[9]]]");
    expect(latest()).toEqual({ image: [[[9]]] });
  });
});

describe("a table", () => {
  const ROWS = [
    { age: 1, name: "a" },
    { age: 2, name: "b" },
  ];
  const button = (form: HTMLElement, words: string) =>
    [...form.querySelectorAll("button")].find(
      (each) => each.textContent === words || each.title === words,
    ) as HTMLButtonElement;

  test("has named cells, and takes what is written into one", () => {
    const { form, inputs, latest } = made(undefined, ROWS);
    expect(inputs().map((each) => each.getAttribute("aria-label"))).toEqual([
      "age, row 1",
      "name, row 1",
      "age, row 2",
      "name, row 2",
    ]);
    expect([...form.querySelectorAll("th")].map((each) => each.textContent)).toEqual([
      "age",
      "name",
    ]);
    type(inputs()[2], "42");
    expect(latest()).toEqual([ROWS[0], { age: 42, name: "b" }]);
  });

  test("a new row is like the last, and has the focus", () => {
    const { form, inputs, latest } = made(undefined, ROWS);
    button(form, "Add a row").click();
    expect(latest()).toEqual([...ROWS, ROWS[1]]);
    expect(document.activeElement).toBe(inputs()[4]);
    type(inputs()[4], "3");
    expect(latest()).toEqual([...ROWS, { age: 3, name: "b" }]);
  });

  test("a row goes, but not the last one", () => {
    const { form, latest } = made(undefined, ROWS);
    button(form, "Remove row 1").click();
    expect(latest()).toEqual([ROWS[1]]);
    expect(button(form, "Remove row 1").disabled).toBe(true);
  });

  test("rows without names have numbers", () => {
    const { form, inputs, latest } = made(undefined, [[1, 2]]);
    expect([...form.querySelectorAll("th")].map((each) => each.textContent)).toEqual(["1", "2"]);
    type(inputs()[1], "5");
    expect(latest()).toEqual([[1, 5]]);
  });
});
