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
