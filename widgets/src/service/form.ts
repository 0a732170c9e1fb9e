/** A form for a JSON value: its parts are told by the schema where there is one, else by itself. */

import type { Schema } from "../contract";
import { button, h, iconButton } from "../lib/dom";
import { FORM } from "../lib/texts";

type Row = Record<string, unknown> | unknown[];
type Changed = (value: unknown) => void;

const DEEPEST = 6;

/** Make a value that fits a schema, to start from. */
export function blank(schema: Schema | undefined, depth = 0): unknown {
  if (!schema || depth > DEEPEST) return null;
  if (schema.example !== undefined) return structuredClone(schema.example);
  switch (typeOf(schema)) {
    case "object": {
      const parts = Object.entries(schema.properties ?? {});
      return Object.fromEntries(parts.map(([name, part]) => [name, blank(part, depth + 1)]));
    }
    case "array":
      return schema.items ? [blank(schema.items, depth + 1)] : [];
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}

/** Make the fields of a value; each change calls back with the whole value. */
export function formOf(
  schema: Schema | undefined,
  value: unknown,
  label: string,
  changed: Changed,
): HTMLElement {
  if (isTable(value)) return tableOf(schema?.items, value, label, changed);
  if (isObject(value)) return partsOf(schema, value, label, changed);
  return h("label", { class: "mlm-field" }, h("span", {}, label), leaf(schema, value, changed));
}

function partsOf(
  schema: Schema | undefined,
  value: Record<string, unknown>,
  label: string,
  changed: Changed,
): HTMLElement {
  const names = new Set([...Object.keys(schema?.properties ?? {}), ...Object.keys(value)]);
  const fields = [...names].map((name) => {
    const part = schema?.properties?.[name];
    return formOf(part, name in value ? value[name] : blank(part), name, (next) => {
      value[name] = next;
      changed(value);
    });
  });
  const legend = label ? [h("legend", {}, label)] : [];
  return h("fieldset", { class: "mlm-parts" }, ...legend, ...fields);
}

/** Rows of single values, such as those of a data frame. */
function tableOf(
  schema: Schema | undefined,
  rows: Row[],
  label: string,
  changed: Changed,
): HTMLElement {
  const first = rows[0] ?? [];
  const columns = Object.keys(Array.isArray(first) ? { ...first } : first);
  const body = h("tbody");
  const titles = columns.map((name) =>
    h("th", { scope: "col" }, Array.isArray(first) ? `${Number(name) + 1}` : name),
  );
  const add = button(FORM.addRow);

  function line(row: Row, index: number): HTMLElement {
    const cells = columns.map((name, place) => {
      const part = schema?.properties?.[name] ?? schema?.items;
      const cell = leaf(part, (row as Record<string, unknown>)[name], (next) => {
        (row as Record<string, unknown>)[name] = next;
        changed(rows);
      });
      const title = titles[place]?.textContent ?? name;
      cell.setAttribute("aria-label", FORM.cell(title, index + 1));
      return h("td", { "data-column": title }, cell);
    });
    const remove = iconButton("cross", FORM.removeRow(index + 1), () => {
      rows.splice(index, 1);
      draw();
      changed(rows);
      add.focus();
    });
    remove.disabled = rows.length === 1;
    return h("tr", {}, ...cells, h("td", {}, remove));
  }

  function draw(): void {
    body.replaceChildren(...rows.map(line));
  }

  add.addEventListener("click", () => {
    rows.push(structuredClone(rows.at(-1) ?? []));
    draw();
    changed(rows);
    body.querySelector<HTMLElement>("tr:last-child input")?.focus();
  });
  draw();
  return h(
    "fieldset",
    { class: "mlm-parts" },
    h("legend", {}, label),
    h(
      "div",
      { class: "mlm-scroll", tabindex: "0", role: "region", "aria-label": label || FORM.rows },
      h("table", {}, h("thead", {}, h("tr", {}, ...titles, h("td"))), body),
    ),
    add,
  );
}

function leaf(schema: Schema | undefined, value: unknown, changed: Changed): HTMLElement {
  const kind = (schema && typeOf(schema)) ?? (value === null ? undefined : typeof value);
  if (schema?.enum) {
    const options = schema.enum.map((each) => h("option", {}, JSON.stringify(each)));
    const choice = h("select", { class: "mlm-input" }, ...options);
    choice.value = JSON.stringify(value);
    choice.addEventListener("change", () => changed(JSON.parse(choice.value)));
    return choice;
  }
  if (kind === "boolean") {
    const check = h("input", { type: "checkbox", class: "mlm-check" });
    check.checked = value === true;
    check.addEventListener("change", () => changed(check.checked));
    return check;
  }
  const input = h("input", { class: "mlm-input", type: "text", spellcheck: "false" });
  const isText = kind === "string";
  input.value = isText ? String(value ?? "") : JSON.stringify(value ?? null);
  if (kind === "number" || kind === "integer") input.inputMode = "decimal";
  input.title = schema?.description ?? "";
  input.addEventListener("input", () => {
    const next = isText ? input.value : parsed(input.value);
    const isNumber = kind !== "number" && kind !== "integer" ? true : typeof next === "number";
    const wrong = next === undefined || !isNumber;
    input.setAttribute("aria-invalid", String(wrong));
    if (!wrong) changed(next);
  });
  return input;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function typeOf(schema: Schema): string | undefined {
  return Array.isArray(schema.type) ? schema.type.find((each) => each !== "null") : schema.type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTable(value: unknown): value is Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const rows = value.every((row) => isObject(row) || Array.isArray(row));
  return rows && value.every((row) => Object.values(row).every((cell) => typeof cell !== "object"));
}
