import type { AnyModel } from "@anywidget/types";
import { describe, expect, test } from "vitest";
import { inserting, type Notebook, notebookOf, saveNewest } from "../src/lib/notebook";

const VIEW = "application/vnd.jupyter.widget-view+json";

type Slot = (sender: unknown, step: string) => void;

/** What a page has of a notebook whose cells hold these bundles. */
function page(...bundles: Record<string, unknown>[]) {
  const slots = new Set<Slot>();
  const origins: string[] = [];
  const outputs = bundles.map((data) => new Map<string, unknown>([["data", data]]));
  const cells = outputs.map((output) => ({
    ymodel: new Map<string, unknown>([["outputs", [output]]]),
    transact: (change: () => void, _undoable: boolean, origin: string) => {
      origins.push(origin);
      change();
    },
  }));
  const saveState = {
    connect: (slot: Slot) => Boolean(slots.add(slot)),
    disconnect: (slot: Slot) => slots.delete(slot),
  };
  return {
    context: { saveState, model: { sharedModel: { cells } } },
    slots,
    origins,
    save: () => {
      for (const step of ["started", "completed"]) for (const slot of slots) slot(null, step);
    },
    data: () => outputs.map((output) => output.get("data")),
    cells,
  };
}

function model(context: unknown, still: unknown): AnyModel {
  const widget = { get: () => still, widget_manager: { context } };
  return widget as unknown as AnyModel;
}

const view = (id: string) => ({ [VIEW]: { model_id: id } });
const still = { ...view("1"), "text/html": "now", "text/plain": "now" };
const before = { ...view("1"), "text/html": "then", "text/latex": "kept" };

describe("a save", () => {
  test("puts what is shown now into the outputs that show it, and into no other", () => {
    const others = [{ ...view("2"), "text/html": "then" }, { "text/html": "then" }];
    const notebook = page(before, ...others, before);
    saveNewest(model(notebook.context, still), new AbortController().signal);
    notebook.save();
    const now = { ...before, ...still };
    expect(notebook.data()).toEqual([now, ...others, now]);
    expect(notebook.origins).toEqual(["silent-change", "silent-change"]);
  });

  test("changes nothing where nothing changed", () => {
    const notebook = page(before);
    saveNewest(model(notebook.context, still), new AbortController().signal);
    notebook.save();
    notebook.save();
    expect(notebook.origins).toHaveLength(1);
  });

  test("leaves outputs alone before Python has told what is shown", () => {
    for (const nothing of [undefined, {}]) {
      const notebook = page(before, { "text/html": "then" });
      saveNewest(model(notebook.context, nothing), new AbortController().signal);
      notebook.save();
      expect(notebook.data()).toEqual([before, { "text/html": "then" }]);
    }
  });

  test("is no business of a model that is gone", () => {
    const notebook = page(before);
    const life = new AbortController();
    saveNewest(model(notebook.context, still), life.signal);
    life.abort();
    notebook.save();
    expect(notebook.slots.size).toBe(0);
    expect(notebook.data()).toEqual([before]);
  });

  test("meets cells without outputs, and outputs that cannot be changed in place", () => {
    const notebook = page(before);
    const markdown = new Map<string, unknown>();
    notebook.cells.push({ ymodel: markdown, transact: () => undefined });
    const old = new Map<string, unknown>([["outputs", [{ data: before }]]]);
    notebook.cells.unshift({ ymodel: old, transact: () => undefined });
    saveNewest(model(notebook.context, still), new AbortController().signal);
    notebook.save();
    expect(notebook.data()).toEqual([{ ...before, ...still }]);
    expect(old.get("outputs")).toEqual([{ data: before }]);
  });
});

test("there is no notebook where the manager knows of none", () => {
  const { signal } = new AbortController();
  const { saveState, model: document } = page().context;
  for (const context of [undefined, null, {}, { saveState }, { model: document }]) {
    expect(notebookOf(model(context, still))).toBeUndefined();
    saveNewest(model(context, still), signal);
  }
  expect(notebookOf({} as AnyModel)).toBeUndefined();
});

describe("cells are inserted", () => {
  /** A panel in the cell of a place, of three that hold these sources. */
  function notebookWith(sources: string[], at: string) {
    const cells = sources.map((source) => ({ getSource: () => source }));
    const insertCells = (index: number, added: { source: string }[]) => {
      cells.splice(index, 0, ...added.map(({ source }) => ({ getSource: () => source })));
    };
    const cell = document.createElement("div");
    cell.dataset.windowedListIndex = at;
    const place = cell.appendChild(document.createElement("div"));
    const model = { sharedModel: { cells, insertCells } };
    const notebook = { saveState: page().context.saveState, model } as unknown as Notebook;
    return { notebook, place, sources: () => cells.map((each) => each.getSource()) };
  }

  test("below the panel's, and once", () => {
    const { notebook, place, sources } = notebookWith(["a", "panel", "b"], "1");
    const insert = inserting(notebook, place);
    insert?.(["%%one", "%two"]);
    insert?.(["%%one", "%two"]);
    expect(sources()).toEqual(["a", "panel", "%%one", "%two", "b"]);
    insert?.(["%%one", "%three"]);
    expect(sources()).toEqual(["a", "panel", "%%one", "%three", "%%one", "%two", "b"]);
  });

  test("nowhere where there is no notebook, or the panel stands beside it", () => {
    const { notebook, place } = notebookWith(["panel"], "0");
    expect(inserting(undefined, place)).toBeUndefined();
    expect(inserting(notebook, document.createElement("div"))).toBeUndefined();
  });
});
