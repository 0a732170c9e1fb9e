import type { ServiceRow } from "../contract";
import { stateWord } from "../lib/state";

/** Whether a service has every word of the filter in its name, state, reason, target or models. */
export function matches(row: ServiceRow, filter: string): boolean {
  const said = [row.name, stateWord(row), row.reason, row.target, ...row.models];
  const text = said.join("\n").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
