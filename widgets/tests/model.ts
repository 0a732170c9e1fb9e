import type { AnyModel } from "@anywidget/types";

interface Question {
  id: string;
  kind: string;
  args: object;
}

type Listener = (...args: never[]) => void;

/** The page's end of a panel whose kernel is the test: it holds traits and hears what is asked. */
export function kernel(traits: Record<string, unknown> = {}) {
  const asked: Question[] = [];
  const listeners = new Map<string, Set<Listener>>();

  function tell(event: string, ...args: unknown[]): void {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...(args as never[]));
  }

  const model = {
    get: (key: string) => traits[key],
    on: (event: string, listener: Listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: Listener) => void listeners.get(event)?.delete(listener),
    send: (question: Question) => void asked.push(question),
  };
  return {
    model: model as unknown as AnyModel,
    asked,
    tell,
    /** Change a trait, as Python does. */
    set(key: string, value: unknown): void {
      traits[key] = value;
      tell(`change:${key}`);
      tell("change");
    },
    answer(id: string, value: unknown): void {
      tell("msg:custom", { id, ok: true, value });
    },
    refuse(id: string, error: string): void {
      tell("msg:custom", { id, ok: false, error });
    },
    /** How many listen to an event. */
    listening: (event: string) => listeners.get(event)?.size ?? 0,
  };
}
