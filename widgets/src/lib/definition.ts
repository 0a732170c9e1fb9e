import type { AnyModel, Host, InitializeProps, RenderProps } from "@anywidget/types";
import { type Notebook, notebookOf, saveNewest } from "./notebook";
import { openDoor, type Python } from "./python";

type Intents = { args: object; value: unknown };

/**
 * Where a view is drawn, until the signal is aborted; `host` gives the widgets of other models,
 * `notebook` is the one that they are of.
 */
export interface View {
  place: HTMLElement;
  signal: AbortSignal;
  host: Host;
  notebook: Notebook | undefined;
}

/**
 * What anywidget takes for a panel: one definition per model, so that several views of it share one
 * door to Python and one state of the page.
 */
export function definition<
  Traits extends object,
  Kinds extends { [K in keyof Kinds]: Intents },
  Ui = undefined,
>(draw: (python: Python<Traits, Kinds>, view: View, ui: Ui) => void, begin?: () => Ui) {
  return () => {
    const ui = begin?.() as Ui;
    let door: Python<Traits, Kinds> | undefined;
    const doorOf = (model: unknown) => {
      door ??= openDoor<Traits, Kinds>(model as AnyModel);
      return door;
    };
    return {
      initialize({ model, signal }: InitializeProps): void {
        doorOf(model).greet();
        saveNewest(model, signal);
      },
      render({ model, el: place, signal, host }: RenderProps): void {
        draw(doorOf(model), { place, signal, host, notebook: notebookOf(model) }, ui);
      },
    };
  };
}
