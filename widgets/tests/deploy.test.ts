/// <reference types="vite/client" />
import type { InitializeProps, RenderProps } from "@anywidget/types";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Field } from "../src/contract";
import deploy from "../src/deploy";
import "../src/panels.css";
import { kernel } from "./model";

const field = (name: string, part: Field["part"]): Field => ({
  name,
  label: name,
  help: "",
  kind: "text",
  many: false,
  choices: [],
  placeholder: "",
  unit: "",
  default: "",
  private: false,
  kept: "",
  part,
  suggestions: [],
});

describe("Enter in a line of the form", () => {
  let python: ReturnType<typeof kernel>;
  let place: HTMLElement;

  beforeEach(() => {
    python = kernel({
      fields: [field("name", "first"), field("workers", "target")],
      values: {},
      problems: { name: "is missing" },
      opened: null,
    });
    place = document.createElement("div");
    document.body.append(place);
    const view = deploy();
    const signal = new AbortController().signal;
    view.initialize({ model: python.model } as unknown as InitializeProps);
    view.render({ model: python.model, el: place, signal } as unknown as RenderProps);
  });
  afterEach(() => document.body.replaceChildren());

  const line = (name: string) => {
    const label = [...place.querySelectorAll("label")].find((one) => one.textContent === name);
    return document.getElementById(label?.htmlFor ?? "") as HTMLInputElement;
  };

  function enter(name: string, value: string): void {
    line(name).value = value;
    line(name).dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }

  async function answered(kind: string): Promise<void> {
    await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe(kind));
    python.answer(python.asked.at(-1)?.id ?? "", null);
  }

  test("is pressed where one can write", () => {
    expect(line("name").checkVisibility()).toBe(true);
  });

  test("tells Python of it and shows the plan, and deploys nothing", async () => {
    enter("name", "iris-svc");
    await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe("set"));
    expect(python.asked.at(-1)?.args).toEqual({ name: "name", value: "iris-svc" });
    python.set("problems", {});
    await answered("set");
    await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe("plan"));
    expect(python.asked.map(({ kind }) => kind)).not.toContain("deploy");
  });

  test("leads to the field that stands in the way, also where it is folded away", async () => {
    python.set("problems", { workers: "'none' is no number" });
    enter("name", "iris-svc");
    await answered("set");
    await vi.waitFor(() => expect(document.activeElement).toBe(line("workers")));
    expect(line("workers").checkVisibility()).toBe(true);
    expect(line("workers").getAttribute("aria-invalid")).toBe("true");
    expect(python.asked.map(({ kind }) => kind)).not.toContain("plan");
  });
});

describe("the panel of what was deployed", () => {
  test("comes into sight beneath the form, also when it is there already", async () => {
    const python = kernel({
      fields: [field("name", "first")],
      values: {},
      problems: {},
      opened: null,
    });
    const place = document.createElement("div");
    document.body.append(place);
    place.style.marginBottom = "3000px";
    const host = {
      getWidget: async () => ({
        render: async ({ el }: { el: HTMLElement }) => {
          el.innerHTML = "<h2 style='margin-top: 2000px'>iris-svc</h2>";
        },
      }),
    };
    const view = deploy();
    const signal = new AbortController().signal;
    view.initialize({ model: python.model } as unknown as InitializeProps);
    view.render({ model: python.model, el: place, signal, host } as unknown as RenderProps);
    const isInSight = () => {
      const heading = [...place.querySelectorAll("h2")].find(
        (one) => one.textContent === "iris-svc",
      );
      const { top, bottom } = heading?.getBoundingClientRect() ?? { top: -1, bottom: -1 };
      return top >= 0 && bottom <= innerHeight;
    };
    for (const opened of ["IPY_MODEL_1", null]) {
      scrollTo(0, 0);
      place.querySelector<HTMLButtonElement>(".mlm-run")?.click();
      await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe("deploy"));
      if (opened) python.set("opened", opened);
      python.answer(python.asked.at(-1)?.id ?? "", { outcome: "created" });
      await vi.waitFor(() => expect(isInSight()).toBe(true));
      await vi.waitFor(() => expect(place.querySelector("[aria-busy=true]")).toBeNull());
      python.asked.length = 0;
    }
    document.body.replaceChildren();
  });
});

describe("the buttons of the form", () => {
  const RUNNING = { name: "deployment", stage: "", done: 0, total: 0, problem: "" };
  let python: ReturnType<typeof kernel>;
  let place: HTMLElement;

  beforeEach(() => {
    python = kernel({ fields: [], values: {}, problems: {}, opened: null, work: null });
    place = document.createElement("div");
    document.body.append(place);
    const view = deploy();
    const signal = new AbortController().signal;
    view.render({ model: python.model, el: place, signal } as unknown as RenderProps);
  });
  afterEach(() => document.body.replaceChildren());

  const seen = (words: string) =>
    [...place.querySelectorAll("button")].filter(
      (each) => each.textContent === words && each.checkVisibility(),
    );
  const kinds = () => python.asked.map(({ kind }) => kind);

  test("what takes long shows its stage and is cancelled, once", async () => {
    expect(seen("Cancel")).toEqual([]);
    seen("Deploy")[0]?.click();
    seen("Deploy")[0]?.click();
    await vi.waitFor(() => expect(kinds()).toEqual(["deploy"]));
    python.set("work", { ...RUNNING, stage: "environment 'score': choosing versions" });
    expect(place.textContent).toContain("environment 'score': choosing versions");
    seen("Deploy")[0]?.click();
    seen("Cancel")[0]?.click();
    expect(kinds()).toEqual(["deploy", "cancel"]);
    python.set("work", { ...RUNNING, stage: "cancelling" });
    seen("Cancel")[0]?.click();
    expect(kinds()).toEqual(["deploy", "cancel"]);
    expect(place.textContent).toContain("cancelling …");
    python.set("work", { ...RUNNING, problem: "The deployment was cancelled." });
    expect(seen("Cancel")).toEqual([]);
    expect(place.querySelector("[role=alert]:not([hidden])")?.textContent).toContain("cancelled");
  });

  test("cells are only copied where there is no notebook", async () => {
    seen("As a cell")[0]?.click();
    await vi.waitFor(() => expect(kinds()).toEqual(["line"]));
    python.answer(python.asked.at(-1)?.id ?? "", { text: "%deploy a", cell: "%deploy a" });
    await vi.waitFor(() => expect(kinds()).toEqual(["line", "configuration"]));
    const parts = [["a-inference", "%%inference_config a-inference"]];
    const told = { parts, line: "%deploy a --ic a-inference", notes: [], existing: [] };
    python.answer(python.asked.at(-1)?.id ?? "", told);
    await vi.waitFor(() => expect(place.textContent).toContain(told.line));
    expect(place.querySelectorAll("[aria-label^=Copy]")).toHaveLength(3);
    expect(seen("Insert below")).toEqual([]);
  });

  test("it stands where it was begun", () => {
    python.set("work", { ...RUNNING, name: "capture", stage: "trial: init() and run(sample)" });
    expect(seen("Cancel")).toEqual([]); // the part is folded away
    place.querySelector("details")?.toggleAttribute("open", true);
    expect(seen("Cancel")).toHaveLength(1);
  });
});

describe("a line that holds values of variables", () => {
  test("is shown with them, and put into the notebook without", async () => {
    const python = kernel({ fields: [], values: {}, problems: { name: "is missing" }, work: null });
    const inserted: string[] = [];
    const sharedModel = {
      cells: [],
      insertCells: (_: number, cells: { source: string }[]) =>
        inserted.push(...cells.map(({ source }) => source)),
    };
    const context = { saveState: { connect() {} }, model: { sharedModel } };
    Object.assign(python.model, { widget_manager: { context } });
    const cell = document.createElement("div");
    cell.dataset.windowedListIndex = "0";
    document.body.append(cell);
    const el = cell.appendChild(document.createElement("div"));
    const signal = new AbortController().signal;
    deploy().render({ model: python.model, el, signal } as unknown as RenderProps);
    const named = (words: string) =>
      [...el.querySelectorAll("button")].find((each) => each.textContent === words);

    named("As a cell")?.click();
    await vi.waitFor(() => expect(python.asked.at(-1)?.kind).toBe("line"));
    const line = { text: "%deploy --env T=s3cret", cell: "%deploy --env 'T=…'" };
    python.answer(python.asked.at(-1)?.id ?? "", line);
    await vi.waitFor(() => expect(el.textContent).toContain(line.text));
    expect(el.textContent).toContain("A cell holds no values of variables");
    named("Insert below")?.click();
    expect(inserted).toEqual([line.cell]);
    // Configurations are not written of what is wrong.
    expect(python.asked.map(({ kind }) => kind)).toEqual(["line"]);
    document.body.replaceChildren();
  });
});
