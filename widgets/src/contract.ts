/** What Python and the panels say to one another: one type per panel, keys as the synced traits. */

export type State =
  | "Transitioning"
  | "Healthy"
  | "Unhealthy"
  | "Unschedulable"
  | "Failed"
  | "Deleting"
  | "Deleted";

export interface Replica {
  name: string;
  ready: boolean;
  stage: string;
  restarts: number;
  startedAt: string | null;
  memoryBytes: number | null;
}

export interface Revision {
  generation: number;
  createdAt: string;
  note: string;
  current: boolean;
}

export interface Snapshot {
  name: string;
  target: string;
  state: State;
  reason: string;
  message: string;
  nextStep: string;
  stage: string;
  replicasWanted: number;
  replicas: Replica[];
  scoringUri: string | null;
  internalUri: string | null;
  swaggerUri: string | null;
  auth: string;
  generation: number;
  revisions: Revision[];
  models: string[];
  traceback: string;
  sample: { mediaType: string; text: string } | null;
  commands: string[];
  updatedAt: string;
}

/** The newest lines of the log; `dropped` older ones are no longer held. */
export interface Tail {
  dropped: number;
  lines: string[];
}

/** Traits of `mlmagic.panels.service.ServicePanel`. */
export interface ServiceModel {
  snapshot: Snapshot;
  tail: Tail;
}

/** An answer of the service, whatever its status. */
export interface Answer {
  status: number;
  milliseconds: number;
  body: string;
}

export interface Keys {
  primary: string;
  secondary: string;
}

/** What the service panel asks of Python: kind of intent, its arguments, its answer. */
export interface ServiceIntents {
  try: { args: { body: string }; value: Answer };
  keys: { args: Record<string, never>; value: Keys };
}
