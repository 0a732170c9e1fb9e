import type { ServiceRow } from "../contract";
import { stateWord } from "../lib/state";
import { hasWords } from "../lib/words";

/** Whether a service has every word of the filter in its name, state, reason, target or models. */
export function matches(row: ServiceRow, filter: string): boolean {
  return hasWords([row.name, stateWord(row), row.reason, row.target, ...row.models], filter);
}
