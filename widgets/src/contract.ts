/** What Python and the panels say to one another: one type per panel, keys as the synced traits. */

export type State =
  | "Transitioning"
  | "Healthy"
  | "Unhealthy"
  | "Unschedulable"
  | "Failed"
  | "Deleting"
  | "Deleted";

/** What an output holds: MIME type to content. */
export type Bundle = Record<string, unknown>;

/** Traits of `mlmagic.panels.panel.Panel`, which all panels have. */
export interface PanelModel {
  /** The bundle of an output that shows this panel now. */
  still: Bundle;
}

/** The model of another panel. */
export type PanelReference = `IPY_MODEL_${string}` | null;

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
  computeType: string;
  description: string;
  tags: Record<string, string>;
  properties: Record<string, string>;
  createdTime: string;
  updatedTime: string;
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
  /** What the address leads through, such as "Ingress"; empty on this machine. */
  addressKind: string;
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

/** What a service was asked between two readings; latencies in milliseconds. */
export interface Traffic {
  at: string;
  rate: number;
  errors: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** Traits of `mlmagic.panels.service.ServicePanel`. */
export interface ServiceModel {
  snapshot: Snapshot;
  tail: Tail;
  traffic: Traffic[];
}

/** An answer of the service, whatever its status; headers as they were sent. */
export interface Answer {
  status: number;
  milliseconds: number;
  body: string;
  headers: [name: string, value: string][];
}

export interface Keys {
  primary: string;
  secondary: string;
}

/** One difference; `before` is empty where there was nothing, `after` where it goes away. */
export interface Change {
  field: string;
  before: string;
  after: string;
}

/** What an update would do; `problem` says what would stop it. */
export interface Plan {
  action: string;
  problem: string;
  changes: Change[];
}

/** The part of JSON Schema that forms are made from. */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  example?: unknown;
  description?: string;
  enum?: unknown[];
}

export type Language = "curl" | "Python" | "JavaScript" | "C#" | "Go" | "Java";

type Nothing = Record<string, never>;

/** A request as it is written, or the bytes of a file in Base64. */
export type Body = { body: string; mediaType: string } | { file: string; mediaType: string };

/** What the service panel asks of Python: kind of intent, its arguments, its answer. */
export interface ServiceIntents {
  try: { args: Body; value: Answer };
  schema: { args: Nothing; value: { schema: Schema | null } };
  call: { args: { language: Language; body: string; mediaType: string }; value: { code: string } };
  keys: { args: Nothing; value: Keys };
  rotate: { args: { which: keyof Keys }; value: null };
  log: { args: Nothing; value: { text: string } };
  changes: { args: { generation: number }; value: Change[] };
  rollback: { args: { generation: number }; value: null };
  scale: { args: { replicas: number }; value: null };
  plan: { args: { models: string[] }; value: Plan };
  update: { args: { models: string[] }; value: null };
  cancel: { args: Nothing; value: null };
  stop: { args: Nothing; value: null };
  start: { args: Nothing; value: null };
  restart: { args: Nothing; value: null };
  reload: { args: Nothing; value: null };
  delete: { args: { name: string }; value: null };
}

/** A service in the table of all; `rates` and `errors` are its last readings, oldest first. */
export interface ServiceRow {
  name: string;
  target: string;
  state: State;
  reason: string;
  message: string;
  models: string[];
  scoringUri: string | null;
  ready: number;
  wanted: number;
  rates: number[];
  errors: number[];
}

/** Traits of `mlmagic.panels.services.ServicesPanel`; `opened` is the service that `panel` shows. */
export interface ServicesModel {
  services: ServiceRow[];
  opened: string;
  panel: PanelReference;
  checked: string;
}

/** What the services panel asks of Python. */
export interface ServicesIntents {
  open: { args: { name: string }; value: null };
  delete: { args: { names: string[] }; value: Record<string, string> };
}

/** A version of a model in the table. */
export interface ModelRow {
  id: string;
  name: string;
  version: number;
  framework: string;
  size: number;
  tags: [key: string, value: string][];
  properties: [key: string, value: string][];
  aliases: string[];
  createdAt: string;
}

/** How far long work is, in bytes where they are known; `total` is 0 where nobody knows. */
export interface Work {
  name: string;
  stage: string;
  done: number;
  total: number;
  /** Why it came to nothing; empty while it runs. */
  problem: string;
}

export type Registration = Work & {
  stage: "" | "downloading" | "inspecting" | "reading" | "copying" | "uploading" | "cancelling";
};

/**
 * Traits of `mlmagic.panels.models.ModelsPanel`; `opened` is the version whose details are shown,
 * `registration` the one that runs, or the last one where it came to nothing.
 */
export interface ModelsModel {
  models: ModelRow[];
  more: boolean;
  opened: string;
  form: PanelReference;
  registration: Registration | null;
  checked: string;
}

/**
 * All of one version; files are path, bytes and SHA-256, the first of them where they are many; the
 * card is Markdown.
 */
export interface ModelDetails {
  id: string;
  facts: [label: string, text: string][];
  files: [path: string, size: number, sha256: string][];
  fileCount: number;
  sample: string;
  card: string;
  usedBy: string[];
  versions: number[];
}

/** What the models panel asks of Python. */
export interface ModelsIntents {
  search: { args: { text: string; all: boolean }; value: { models: ModelRow[]; more: boolean } };
  details: { args: { id: string }; value: ModelDetails };
  compare: { args: { before: string; after: string }; value: Change[] };
  register: {
    args: { path: string; name: string; tags: string };
    value: { id: string; outcome: string };
  };
  cancel: { args: Nothing; value: null };
  open: { args: { id: string }; value: null };
  deploy: { args: { id: string }; value: null };
  delete: { args: { id: string }; value: null };
}

/** A locked package, and what the kernel has of it; places are files and addresses. */
export interface PackageRow {
  name: string;
  version: string;
  origin: string;
  place: string;
  reason: string;
  kernel: { version: string; origin: string; place: string; differs: boolean } | null;
}

/** What an environment asks for, and what that is locked to. */
export interface EnvironmentDetails {
  name: string;
  isLocked: boolean;
  /** Whether it is there no more; the rest is what it was. */
  isRemoved: boolean;
  facts: [label: string, text: string][];
  packages: PackageRow[];
}

/** Traits of `mlmagic.panels.environment.EnvironmentPanel`. */
export interface EnvironmentModel {
  environment: EnvironmentDetails;
  others: { identity: string; label: string }[];
  /** The choice of versions that runs, or why the last came to nothing. */
  work: Work | null;
  checked: string;
}

/** What the environment panel asks of Python; versions by the names of packages. */
export interface EnvironmentIntents {
  versions: { args: { identity: string }; value: Record<string, string> };
  lock: { args: Nothing; value: null };
  cancel: { args: Nothing; value: null };
}

/**
 * A field of the deploy form: a row of the option table. What a private one holds is in no trait;
 * `kept` has the names of what the kernel holds.
 */
export interface Field {
  name: string;
  label: string;
  help: string;
  kind: string;
  many: boolean;
  choices: string[];
  placeholder: string;
  unit: string;
  default: string;
  private: boolean;
  kept: string;
  part: "first" | "target" | "more";
  suggestions: string[];
}

/**
 * Traits of `mlmagic.panels.deploy.DeployPanel`; the problem of no name is of all fields, `work` is
 * what runs, or the last that came to nothing, `opened` names the model of the service that was
 * deployed last.
 */
export interface DeployModel {
  fields: Field[];
  values: Record<string, string>;
  problems: Record<string, string>;
  work: (Work & { name: "capture" | "plan" | "deployment" }) | null;
  opened: PanelReference;
}

export type ConfigurationFormat = "cell" | "json" | "yaml";

/**
 * Configurations as cells, or as v1's files; the line that uses them, and which of them would be
 * replaced.
 */
export interface Configurations {
  parts: [name: string, text: string][];
  line: string;
  notes: string[];
  existing: string[];
}

/** What the deploy panel asks of Python. */
export interface DeployIntents {
  set: { args: { name: string; value: string }; value: null };
  plan: { args: Nothing; value: Plan };
  deploy: { args: Nothing; value: { outcome: string } };
  /** `cell` is the same line without what may be secret. */
  line: { args: Nothing; value: { text: string; cell: string } };
  cells: { args: Nothing; value: { number: number; title: string; source: string }[] };
  existing: { args: { number: number; file: string }; value: string[] };
  capture: {
    args: { number: number; file: string; overwrite: boolean };
    value: { text: string };
  };
  configuration: { args: { format: ConfigurationFormat }; value: Configurations };
  write: { args: { format: ConfigurationFormat; overwrite: boolean }; value: null };
  cancel: { args: Nothing; value: null };
}

/** A part of a result: facts, a table, or lines as they are. */
export type Block =
  | { kind: "facts"; facts: [label: string, text: string][] }
  | { kind: "table"; columns: string[]; rows: string[][]; empty: string }
  | { kind: "lines"; text: string };

/** Traits of `mlmagic.panels.result.ResultPanel`. */
export interface ResultModel {
  title: string;
  blocks: Block[];
  checked: string;
}
