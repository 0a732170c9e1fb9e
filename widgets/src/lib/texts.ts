/**
 * All words that the panels themselves say, to eyes and to screen readers: a translation replaces
 * this file. What Python tells (reasons, help of options) is worded there. There is one constant
 * per panel or part of one, so that each bundle has those it shows alone.
 */

/** What numbers are written and names are sorted by. */
export const LANGUAGE = "en";

export const UNITS = {
  seconds: "s",
  minutes: "min",
  hours: "h",
  days: "d",
  milliseconds: "ms",
  bytes: ["B", "kB", "MB", "GB", "TB"],
  /** Written without a space behind a number. */
  perSecond: "/s",
} as const;

/** A number with its noun: `1 model`, `1,234 models`. */
function plural(count: number, noun: string): string {
  return `${count.toLocaleString(LANGUAGE)} ${noun}${count === 1 ? "" : "s"}`;
}

function partOf(found: number, all: number, noun: string): string {
  return found === all ? plural(all, noun) : `${found} of ${plural(all, noun)}`;
}

function listOf(names: string[]): string {
  return names.join(" and ");
}

// Parts that several panels have.

export const KERNEL = {
  gone: (what: string, time: string) =>
    `The kernel is gone; ${what}. Last seen at ${time}: run the cell again.`,
  silent: (seconds: number) =>
    `The kernel did not answer within ${seconds} s. It may be busy, or gone.`,
  gaveNoReason: "The kernel gave no reason.",
} as const;

export const QUESTION = {
  no: "Keep",
  typeName: (name: string) => `Type ${name} to confirm`,
} as const;

export const REPLACING = {
  question: (files: string[]) => `Replace ${listOf(files)}?`,
  yes: "Replace",
} as const;

export const WORKING = {
  cancel: "Cancel",
  progress: "Progress",
  stage: (stage: string) => (stage === "cancelling" || stage === "" ? `${stage} …` : stage),
} as const;

export const COPYING = {
  done: "Copied.",
  refused: "The browser refused to copy; select the text and copy it by hand.",
} as const;

export const CHANGES = {
  none: "Nothing changes.",
} as const;

export const CHILD = {
  failed: (why: string) => `It cannot be shown: ${why}`,
} as const;

// The panel of one service, from top to bottom.

export const SERVICE = {
  label: (name: string) => `Service ${name}`,
  kernelGone: "the service is not",
} as const;

export const HEADER = {
  lastChange: (time: string) => `Last change at ${time}`,
  changed: (name: string, state: string, message: string) => `${name} is ${state}. ${message}`,
} as const;

export const PROGRESS = {
  label: "Progress of the deployment",
  stages: {
    environment: "Environment",
    image: "Image",
    push: "Push",
    start: "Start",
    init: "init()",
    sample: "Sample",
    ready: "Healthy",
  },
  statuses: {
    done: "done",
    running: "running",
    failed: "failed",
    coming: "to come",
  },
  step: (stage: string, status: string) => `${stage}: ${status}`,
} as const;

export const CANCEL = {
  deployment: "Cancel the deployment",
  update: (serving: number) => `Cancel; keep revision ${serving}`,
  done: "The deployment is given up.",
} as const;

export const FAILURE = {
  label: "Traceback",
  copy: "Copy the traceback",
} as const;

export const ENDPOINT = {
  uri: "URI",
  copyUri: "Copy the scoring URI",
  internal: "Internal",
  copyInternal: "Copy the internal URI",
  kind: "Reached by",
  keys: { primary: "Key", secondary: "Second key" },
  models: "Models",
  revision: "Revision",
  made: (generation: number, age: string) => `${generation}, made ${age} ago`,
  answers: (generation: number) => `revision ${generation} answers`,
} as const;

export const KEYS = {
  names: { primary: "key", secondary: "second key" },
  show: (key: string) => `Show the ${key}`,
  hide: (key: string) => `Hide the ${key}`,
  copy: (key: string) => `Copy the ${key}`,
  replace: (key: string) => `Replace the ${key}`,
  question: (key: string) => `Make a new ${key}? Clients that use the old one are refused at once.`,
  yes: "Make a new key",
  replaced: (key: string) => `The ${key} is new.`,
} as const;

export const REPLICAS = {
  title: "Replicas",
  columns: ["Replica", "Stage", "Restarts", "Age", "Memory"],
  ready: (ready: number, wanted: number) => `${ready} of ${wanted} ready`,
} as const;

export const TRAFFIC = {
  title: "Requests",
  period: "last 2 minutes",
  requests: "Requests",
  requestsNow: "now",
  latency: "Latency",
  percentiles: (p95: string, p99: string) => `median · p95 ${p95} · p99 ${p99}`,
  noRequests: "no requests yet",
  errors: "Errors",
  errorsAre: "answered with 400 and above",
  plot: (title: string, now: string) => `${title} of the last two minutes, now ${now}`,
} as const;

export const TRY = {
  title: "Try it",
  modes: "How to write the request",
  modeNames: { form: "Form", json: "JSON", file: "File" },
  body: "Request body",
  bodyExample: '{"data": [[1, 2, 3]]}',
  form: "Request",
  notJson: "The request is not JSON: mend it under “JSON”.",
  file: "File to send",
  fileHint: "It is sent as it is.",
  noBody: "The request is empty. Write what to send.",
  noFile: "No file is chosen.",
  fileTooLarge: (size: string, largest: string) =>
    `The file has ${size}; up to ${largest} go through the panel. Use svc.run.`,
  fileUnreadable: (why: string | undefined) => `The file cannot be read: ${why}.`,
  run: "Run",
  runKeys: "Ctrl+Enter",
  reset: "Reset to the sample",
  answer: "Answer",
  answerToCome: "Run the request to see the answer.",
  answered: (status: number, time: string) => `Answer ${status} in ${time}.`,
  notAnswered: "no answer",
  headers: "Headers",
} as const;

export const FORM = {
  rows: "Rows",
  cell: (column: string, row: number) => `${column}, row ${row}`,
  addRow: "Add a row",
  removeRow: (row: number) => `Remove row ${row}`,
} as const;

export const CALLS = {
  title: "The same from code",
  language: "Language",
  code: "Code",
  copy: "Copy the code",
  keyHint: "The key is read from the environment variable SERVICE_KEY.",
} as const;

export const LOG = {
  title: "Log",
  label: "Log of the service",
  dropped: (count: number) => `${plural(count, "earlier line")} not shown`,
  search: "Search the log",
  searchHint: "Search",
  found: (count: number) => `${plural(count, "line")} found`,
  level: "Least level shown",
  levels: { info: "All levels", warning: "Warnings and errors", error: "Errors" },
  pause: "Pause",
  resume: (missed: number) => `Resume (${plural(missed, "new line")})`,
  newest: "To the newest line",
  missed: (count: number) => plural(count, "new line"),
  download: "Download",
  downloaded: "The log was downloaded.",
  fileName: (service: string) => `${service}.log`,
} as const;

export const REVISIONS = {
  title: "Revisions",
  count: (count: number) => plural(count, "revision"),
  name: (generation: number) => `Revision ${generation}`,
  current: "current",
  age: (age: string) => `${age} ago`,
  changes: "What it changed",
  back: "Roll back",
  backTo: (generation: number) => `Roll back to revision ${generation}`,
  question: (generation: number) =>
    `Go back to revision ${generation}? It becomes a new revision; no request is lost.`,
  yes: "Go back",
  comesBack: (generation: number) => `Revision ${generation} comes back.`,
} as const;

export const MANAGE = {
  title: "Manage",
  replicas: "Replicas",
  replicasWanted: "Replicas wanted",
  replicasWrong: (text: string) => `'${text}' is no number of replicas; 1 is the least.`,
  scale: "Scale",
  scaled: "It is scaled.",
  models: "Models",
  modelsWanted: "Models to serve",
  modelsExample: "NAME:VERSION, …",
  plan: "Plan",
  planned: "The plan is shown.",
  update: "Update",
  updated: "It is updated.",
  restart: "Restart",
  restarted: "It restarts.",
  reload: "Reload the script",
  reloaded: "The script is read again.",
  start: "Start",
  started: "It starts.",
  stop: "Stop",
  stopQuestion: "Stop the service? It answers nobody until it is started again.",
  stopYes: "Stop it",
  stopped: "It is stopped.",
  delete: "Delete …",
  deleteQuestion: (name: string) =>
    `Delete ${name} with its keys, logs and revisions? Type its name to confirm.`,
  deleteYes: "Delete it",
  deleted: (name: string) => `${name} is deleted.`,
} as const;

export const COMMANDS = {
  title: "Next",
  label: "Commands to run next",
  copy: "Copy the command",
} as const;

// The panel of all services.

export const SERVICES = {
  title: "Services",
  kernelGone: "the services are not",
  filter: "Filter the services",
  filterHint: "Filter: name, state, target, model",
  noMatch: "No service matches the filter.",
  none: "No service is deployed yet. Start with %deploy.",
  count: (found: number, all: number) => partOf(found, all, "service"),
  opened: (name: string) => `The panel of ${name} is open below the table.`,
  delete: (count: number) => `Delete ${plural(count, "service")} …`,
  deleteQuestion: (names: string[]) =>
    `Delete ${plural(names.length, "service")} with keys, logs and revisions: ${names.join(", ")}?`,
  deleteYes: (names: string[]) => `Delete ${plural(names.length, "service")}`,
  deleted: (count: number) => `${plural(count, "service")} ${count === 1 ? "is" : "are"} deleted.`,
} as const;

export const SERVICES_TABLE = {
  columns: {
    service: "Service",
    state: "State",
    ready: "Ready",
    requests: "Requests",
    models: "Models",
    target: "Target",
  },
  chooseAll: "Choose all services shown",
  choose: (name: string) => `Choose ${name}`,
  ready: (ready: number, wanted: number) => `${ready} of ${wanted}`,
  plot: (now: string) => `Requests of the last minute, now ${now}`,
  failing: (rate: string, share: string) => `${rate}, ${share} failed`,
} as const;

// The panel of all models.

export const MODELS = {
  title: "Models",
  kernelGone: "the models are not",
  search: "Search the models",
  searchHint: "Search: words, key=value",
  searchHelp: "Words in name, description, tags or properties; key=value for a tag or a property",
  allVersions: "All versions",
  count: (count: number, areVersions: boolean, areMore: boolean) =>
    `${areMore ? "First " : ""}${plural(count, areVersions ? "version" : "model")}`,
  noMatch: "No model has all of that.",
  none: "No model is registered yet. Start with %register, or a file.",
  compare: "Compare",
  chooseAnother: "Choose another to compare",
  compared: (before: string, after: string) =>
    `${before} and ${after} are compared below the table.`,
  differences: "Differences",
  register: "Register …",
  registered: (id: string, outcome: string) => `${id} is ${outcome}.`,
  deploying: (id: string) => `The form that deploys ${id} is open below.`,
  deleteQuestion: (id: string) =>
    `Delete ${id}? Its files go too, unless something else uses them.`,
  deleteYes: "Delete",
  deleted: (id: string) => `${id} is deleted.`,
} as const;

export const MODELS_TABLE = {
  columns: {
    model: "Model",
    framework: "Framework",
    size: "Size",
    tags: "Tags",
    registered: "Registered",
  },
  choose: (id: string) => `Choose ${id} to compare`,
  findTag: (tag: string) => `Find ${tag}`,
} as const;

export const REGISTER = {
  path: "File or folder",
  pathExample: "models/churn.onnx",
  name: "Name",
  nameExample: "churn",
  tags: "Tags",
  tagsExample: "stage=test, owner=me",
  register: "Register",
  stages: {
    "": "registering",
    downloading: "downloading",
    inspecting: "inspecting",
    reading: "reading",
    copying: "copying",
    uploading: "uploading",
    cancelling: "cancelling",
  },
  underWay: (name: string, stage: string) => `${name}: ${stage} …`,
  far: (name: string, stage: string, done: string, total: string) =>
    `${name}: ${stage}, ${done}${total && ` of ${total}`}`,
} as const;

export const MODEL = {
  deploy: "Deploy …",
  delete: "Delete …",
  usedBy: "used by",
  usedByNone: "no service",
  versions: "versions",
  files: (count: number) => plural(count, "file"),
  moreFiles: (count: number) => `… and ${plural(count, "file")} more`,
  digest: (start: string) => `sha256:${start}`,
  sample: "Sample",
  card: "Card",
} as const;

// The form that deploys.

export const DEPLOY = {
  label: "Deploy",
  title: "Deploy a service",
  kernelGone: "what is deployed is not",
  capture: "Capture a cell as the script",
  targetOptions: "Options of the target",
  more: "More",
  deploy: "Deploy",
  deployed: (outcome: string) => `The service is ${outcome}.`,
  panelOpen: "The panel of the service is open below.",
  plan: "Plan",
  planned: (action: string) => `Plan: ${action}`,
  planShown: "The plan is shown.",
  wrong: (label: string | undefined) => `Look at “${label}”.`,
  asCell: "As a cell",
  text: "Text",
  textShown: "The text is shown.",
  asJson: "As JSON",
  asYaml: "As YAML",
  filesShown: "The configuration files are shown.",
} as const;

export const FIELD = {
  default: (value: string) => (value ? `default: ${value}` : "default"),
  kept: (names: string) => `${names}: held by this kernel, not saved with the notebook.`,
} as const;

export const CAPTURE = {
  cell: "Cell",
  source: "Source of the cell",
  file: "File",
  fileName: "score.py",
  noCell: "No cell has run yet that may be an entry script.",
  capture: "Capture",
  captured: "The cell is captured; its check is shown.",
  report: "Result of the check",
} as const;

export const FILES = {
  copy: (name: string) => `Copy ${name}`,
  line: "Line",
  oneLine: "One line",
  named: "With named configurations",
  keptBack: "A cell holds no values of variables: write them in place of “…” before you run it.",
  insert: "Insert below",
  inserted: (cells: number) => `${cells} ${cells === 1 ? "cell is" : "cells are"} below.`,
  write: "Write the files",
  written: (files: string[]) => `${listOf(files)} ${files.length === 1 ? "is" : "are"} written.`,
} as const;

// The panel of one environment.

export const ENVIRONMENT = {
  title: (name: string) => `Environment ${name}`,
  kernelGone: "the environment is not",
  removed: "The environment is removed; this is what it was.",
  lock: "Choose versions",
  locked: "The versions are chosen.",
  search: "Search the packages",
  searchHint: "Search",
  beside: "Beside",
  thisKernel: "this kernel",
  onlyDifferent: "Only differences",
  count: (found: number, all: number, different: number) =>
    `${partOf(found, all, "package")}, ${different} different`,
  notLocked: "Its versions are not chosen yet; the first deployment with it does so.",
  noPackages: "It has no packages.",
  noMatch: "No package has all of that.",
  noDifference: "Nothing differs.",
} as const;

export const PACKAGES = {
  columns: ["Package", "Version", "From"],
  same: "same",
  notHere: "not here",
  notThere: "not there",
} as const;

// The panel of a result.

export const RESULT = {
  kernelGone: "this is what it was",
  search: "Search the rows",
  searchHint: "Search",
  count: (found: number, all: number) => partOf(found, all, "row"),
  noMatch: "No row has all of that.",
} as const;
