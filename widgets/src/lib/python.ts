import type { AnyModel } from "@anywidget/types";
import { KERNEL } from "./texts";

/** The only door to Python: traits are read, intents are asked; nothing is ever set from here. */

type Intents = Record<string, { args: object; value: unknown }>;

interface Reply {
  id: string;
  ok: boolean;
  value?: unknown;
  error?: string;
}

const RESEND_MS = 3000;

/** In seconds, for what takes hours on slow ways; the panel tells how far that is. */
export const A_DAY = 86_400;

type News = "change" | `change:${string}` | "comm_live_update" | "msg:custom";

export interface Python<
  Traits extends object,
  Kinds extends { [K in keyof Kinds]: Intents[string] },
> {
  get<K extends keyof Traits & string>(key: K): Traits[K];
  /** Call back on each change of a trait until the signal is aborted. */
  watch<K extends keyof Traits & string>(
    key: K,
    changed: (value: Traits[K]) => void,
    signal: AbortSignal,
  ): void;
  /** Have Python do something; rejects with its words, or when no answer comes in time. */
  ask<K extends keyof Kinds & string>(
    kind: K,
    args: Kinds[K]["args"],
    seconds?: number,
  ): Promise<Kinds[K]["value"]>;
  /** Say that this page has the panel: to a page that does not, Python gives another. */
  greet(): void;
  /** Call back when the kernel goes, and when news show that it is back. */
  onConnection(changed: (isLive: boolean) => void, signal: AbortSignal): void;
}

export function openDoor<
  Traits extends object,
  Kinds extends { [K in keyof Kinds]: Intents[string] },
>(model: AnyModel): Python<Traits, Kinds> {
  const waiting = new Map<string, (reply: Reply) => void>();
  // A kernel tells its answers to every open page, so ids must be unlike those of other pages.
  const page = Math.random().toString(36).slice(2);
  let asked = 0;

  model.on("msg:custom", (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });

  function listen(event: News, callback: () => void, signal: AbortSignal): void {
    model.on(event, callback);
    signal.addEventListener("abort", () => model.off(event, callback), { once: true });
  }

  return {
    get: (key) => model.get(key),
    watch: (key, changed, signal) => listen(`change:${key}`, () => changed(model.get(key)), signal),
    greet: () => model.send({ here: true }),
    onConnection: (changed, signal) => {
      // The manager announces only that a connection ends; that it lives is seen by what comes.
      listen("comm_live_update", () => changed(false), signal);
      listen("change", () => changed(true), signal);
      listen("msg:custom", () => changed(true), signal);
    },
    ask: (kind, args, seconds = 20) =>
      new Promise((resolve, reject) => {
        asked += 1;
        const id = `${page}-${asked}`;
        // The way to a kernel may lose a message, or hold it until the next one comes (seen with
        // JupyterLab 4.6 and ipykernel 7.4, on a loaded machine); Python takes each id once.
        const again = setInterval(() => model.send({ id, kind, args }), RESEND_MS);
        const timer = setTimeout(() => {
          waiting.delete(id);
          clearInterval(again);
          reject(new Error(KERNEL.silent(seconds)));
        }, seconds * 1000);
        waiting.set(id, (reply) => {
          clearTimeout(timer);
          clearInterval(again);
          if (reply.ok) resolve(reply.value as never);
          else reject(new Error(reply.error ?? KERNEL.gaveNoReason));
        });
        model.send({ id, kind, args });
      }),
  };
}
