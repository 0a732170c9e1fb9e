/**
 * The notebook that a panel stands in, where the page can reach it.
 *
 * A widget is given no way to its notebook. What is used here are public members of what JupyterLab
 * 4.4 to 4.6 and Notebook 7 have, and each is looked for first: elsewhere (VS Code, consoles, older
 * versions) there is no notebook, and nothing is done.
 *
 * - `WidgetManager.context` of @jupyter-widgets/jupyterlab-manager 5 is the document's context;
 * - `Context.saveState` of @jupyterlab/docregistry says "started" right before the document's JSON
 *   is made, however it is saved; a slot that throws ends no save (@lumino/signaling);
 * - that JSON is made of the shared model alone: `YNotebook`, `YCodeCell` of @jupyter/ydoc 3 and 4,
 *   where an output is a `Y.Map`. A key of that map is not among the changes that a cell's model
 *   hears of (@jupyterlab/cells), here or in another page: no output is drawn again;
 * - the place of a cell in the notebook stands in the attribute `data-windowed-list-index` of its
 *   element (@jupyterlab/notebook, in every mode of windowing).
 */

import type { AnyModel } from "@anywidget/types";
import type { Bundle } from "../contract";

interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): boolean;
  disconnect(slot: (sender: unknown, value: Value) => void): boolean;
}

/** A `Y.Map`. */
interface SharedMap<Key extends string> {
  get(key: Key): unknown;
  set(key: Key, value: unknown): void;
}

type SharedOutput = SharedMap<"data">;

interface SharedCell {
  readonly ymodel: SharedMap<"outputs">;
  getSource(): string;
  transact(change: () => void, undoable: boolean, origin: "silent-change"): void;
}

interface NewCell {
  cell_type: "code";
  source: string;
  metadata: Record<string, never>;
}

interface SharedNotebook {
  readonly cells: readonly SharedCell[];
  insertCells(index: number, cells: NewCell[]): unknown;
}

export interface Notebook {
  readonly saveState: Signal<string>;
  readonly model: { readonly sharedModel: SharedNotebook };
}

const VIEW = "application/vnd.jupyter.widget-view+json";

/** The notebook of a widget; undefined where there is none that can be reached. */
export function notebookOf(model: AnyModel): Notebook | undefined {
  const { context } = (model.widget_manager ?? {}) as { context?: Partial<Notebook> };
  const isNotebook = context?.saveState && context.model?.sharedModel?.cells;
  return isNotebook ? (context as Notebook) : undefined;
}

/** Have the notebook saved with what a panel shows then, not when its cell ran. */
export function saveNewest(model: AnyModel, signal: AbortSignal): void {
  const notebook = notebookOf(model);
  if (notebook === undefined) return;
  const renew = (_: unknown, step: string) => {
    if (step === "started") putIn(notebook.model.sharedModel, model.get("still"));
  };
  notebook.saveState.connect(renew);
  signal.addEventListener("abort", () => notebook.saveState.disconnect(renew), { once: true });
}

/** What puts cells below the one that a place is in; undefined where there is none. */
export function inserting(notebook: Notebook | undefined, place: HTMLElement) {
  const own = place.closest<HTMLElement>("[data-windowed-list-index]");
  if (notebook === undefined || own === null) return undefined;
  return (sources: string[]): void => {
    const { sharedModel } = notebook.model;
    const next = Number(own.dataset.windowedListIndex) + 1;
    const isThere = sources.every((text, n) => sharedModel.cells[next + n]?.getSource() === text);
    const cells = sources.map((source) => ({ cell_type: "code" as const, source, metadata: {} }));
    // A second click changes nothing twice.
    if (!isThere) sharedModel.insertCells(next, cells);
    requestAnimationFrame(() => own.nextElementSibling?.scrollIntoView({ block: "center" }));
  };
}

/** Put a panel's bundle into the outputs that show it; not into those of what holds it. */
function putIn({ cells }: SharedNotebook, still: Bundle | undefined): void {
  const id = idIn(still);
  if (id === undefined) return;
  for (const cell of cells) {
    for (const output of outputsOf(cell)) {
      const before = output.get("data") as Bundle | undefined;
      if (idIn(before) !== id) continue;
      const now = { ...before, ...still };
      if (JSON.stringify(now) === JSON.stringify(before)) continue;
      // The origin that JupyterLab gives to changes that its own models know already.
      cell.transact(() => output.set("data", now), false, "silent-change");
    }
  }
}

function outputsOf(cell: SharedCell): SharedOutput[] {
  const outputs = cell.ymodel.get("outputs") as Iterable<Partial<SharedOutput>> | undefined;
  return [...(outputs ?? [])].filter((output): output is SharedOutput => "set" in output);
}

/** The model that a bundle is a view of. */
function idIn(bundle: Bundle | undefined): string | undefined {
  return (bundle?.[VIEW] as { model_id?: string } | undefined)?.model_id;
}
