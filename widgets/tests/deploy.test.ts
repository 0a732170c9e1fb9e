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
