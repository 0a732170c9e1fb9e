import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Field } from "../src/contract";
import { fieldOf } from "../src/deploy/field";

const WORKERS: Field = {
  name: "workers",
  label: "workers",
  help: "Processes that answer.",
  kind: "int",
  many: false,
  choices: [],
  placeholder: "N",
  unit: "processes",
  default: "1",
  private: false,
  kept: "",
  part: "target",
  suggestions: [],
};

let changes: string[];

function made(change: Partial<Field> = {}) {
  const row = { ...WORKERS, ...change };
  const field = fieldOf(
    row,
    (value) => changes.push(value),
    () => {},
  );
  field.renew(row);
  document.body.append(field.element);
  const control = field.element.querySelector<HTMLInputElement>("input, select, textarea");
  return { ...field, control: control as HTMLInputElement };
}

function type(control: HTMLInputElement, value: string): void {
  control.value = value;
  control.dispatchEvent(new Event("input"));
}

const problem = (element: HTMLElement) => element.querySelector(".mlm-problem") as HTMLElement;

beforeEach(() => {
  changes = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

describe("the control is made of the option's row", () => {
  test("a number: text with its default as a hint, its unit and its help", () => {
    const { element, control } = made();
    expect(control.type).toBe("text");
    expect(control.placeholder).toBe("1");
    const told = (control.getAttribute("aria-describedby") ?? "")
      .split(" ")
      .map((id) => document.getElementById(id)?.textContent);
    expect(told).toEqual(["processes", "Processes that answer.", ""]);
    expect(element.querySelector("label")?.htmlFor).toBe(control.id);
  });

  test("without a default the placeholder is the hint", () => {
    expect(made({ default: "" }).control.placeholder).toBe("N");
  });

  test("a flag is a check box, whose text is true or nothing", () => {
    const { control, update } = made({ kind: "flag" });
    control.click();
    control.click();
    expect(changes.slice(-1)).toEqual([""]);
    control.click();
    expect(changes.slice(-1)).toEqual(["true"]);
    update("", "");
    expect(control.checked).toBe(false);
    update("true", "");
    expect(control.checked).toBe(true);
  });

  test("choices are a list, the default first and named", () => {
    const { control } = made({ choices: ["key", "none"], default: "key" });
    const options = [...(control as unknown as HTMLSelectElement).options];
    expect(options.map(({ value, text }) => [value, text])).toEqual([
      ["", "default: key"],
      ["key", "key"],
      ["none", "none"],
    ]);
  });

  test("what may be repeated is written one a line", () => {
    expect(made({ many: true, name: "tags" }).control).toBeInstanceOf(HTMLTextAreaElement);
    expect(made({ many: true, name: "models" }).control).toBeInstanceOf(HTMLInputElement);
  });

  test("suggestions are renewed while it stays", () => {
    const { element, control, renew } = made({ suggestions: ["iris:1"] });
    renew({ ...WORKERS, suggestions: ["iris:1", "iris:2"] });
    const list = element.querySelector("datalist") as HTMLDataListElement;
    expect([...list.options].map(({ value }) => value)).toEqual(["iris:1", "iris:2"]);
    expect(control.getAttribute("list")).toBe(list.id);
  });

  test("no two fields share an id", () => {
    made();
    made();
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("what is typed", () => {
  test("is told once when the typing rests, and at once when the field is left", () => {
    const { control } = made();
    type(control, "1");
    vi.advanceTimersByTime(200);
    type(control, "12");
    vi.advanceTimersByTime(200);
    expect(changes).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(changes).toEqual(["12"]);
    type(control, "123");
    control.dispatchEvent(new Event("change"));
    vi.advanceTimersByTime(1000);
    expect(changes).toEqual(["12", "123"]);
  });

  test("is not overwritten by what Python still has", () => {
    const { control, update } = made();
    type(control, "12");
    update("1", "");
    expect(control.value).toBe("12");
    vi.advanceTimersByTime(300);
    update("7", "");
    expect(control.value).toBe("7");
  });

  test("stays where it may be a secret, of which only the names come back", () => {
    const { element, control, update, renew } = made({ private: true, many: true });
    type(control, "TOKEN=s3cret");
    vi.advanceTimersByTime(300);
    update("", "");
    renew({ ...WORKERS, private: true, kept: "TOKEN" });
    expect(control.value).toBe("TOKEN=s3cret");
    expect(element.textContent).toContain("TOKEN: held by this kernel, not saved");
    expect(element.textContent).not.toContain("s3cret");
  });
});

describe("what is wrong", () => {
  test("is not told of a field that nobody filled in yet", () => {
    const { element, control, update } = made();
    update("", "is missing");
    expect(problem(element).hidden).toBe(true);
    expect(control.getAttribute("aria-invalid")).toBe("false");
  });

  test("is told beside the field until it is mended", () => {
    const { element, control, update } = made();
    type(control, "many");
    vi.advanceTimersByTime(300);
    update("many", "'many' is no number.");
    expect(problem(element).textContent).toBe("'many' is no number.");
    expect(problem(element).hidden).toBe(false);
    expect(problem(element).getAttribute("role")).toBe("alert");
    expect(control.getAttribute("aria-invalid")).toBe("true");
    update("2", "");
    expect(problem(element).hidden).toBe(true);
    expect(control.getAttribute("aria-invalid")).toBe("false");
  });

  test("is told of a field that was emptied again", () => {
    const { element, control, update } = made();
    type(control, "");
    vi.advanceTimersByTime(300);
    update("", "is missing");
    expect(problem(element).hidden).toBe(false);
  });
});
