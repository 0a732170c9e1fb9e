/** State of the page alone: what is folded, what was typed. Python never hears of it. */
export interface Store<T extends object> {
  readonly value: Readonly<T>;
  set(change: Partial<T>): void;
  subscribe(changed: (value: Readonly<T>) => void, signal: AbortSignal): void;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let value = initial;
  const subscribers = new Set<(value: Readonly<T>) => void>();
  return {
    get value() {
      return value;
    },
    set(change) {
      value = { ...value, ...change };
      for (const changed of subscribers) changed(value);
    },
    subscribe(changed, signal) {
      subscribers.add(changed);
      signal.addEventListener("abort", () => subscribers.delete(changed), { once: true });
    },
  };
}
