import type { PackageRow } from "../contract";
import { fill, h, setText } from "../lib/dom";
import { LANGUAGE, PACKAGES } from "../lib/texts";
import { hasWords } from "../lib/words";

/** A line of the table: a package here, and what the other side has of it. */
export interface Line {
  name: string;
  reason: string;
  version: string;
  origin: string;
  place: string;
  /** What is said of the other side, and where it has that from. */
  other: string;
  otherPlace: string;
  differs: boolean;
}

/** Beside the kernel: the packages of the lock alone, as a kernel has hundreds of others. */
export function besideKernel(packages: PackageRow[]): Line[] {
  return packages.map((row) => {
    const { kernel } = row;
    const differs = kernel?.differs ?? true;
    const words = kernel ? [differs ? kernel.version : PACKAGES.same] : [PACKAGES.notThere];
    if (kernel && kernel.origin !== "index") words.push(kernel.origin);
    return { ...row, other: words.join(", "), otherPlace: kernel?.place ?? "", differs };
  });
}

/** Beside another lock: the packages of both. */
export function besideLock(packages: PackageRow[], versions: Record<string, string>): Line[] {
  const names = new Set(packages.map((row) => row.name));
  const lines: Line[] = packages.map((row) => {
    const version = versions[row.name];
    const differs = version !== row.version;
    const other = version === undefined ? PACKAGES.notThere : differs ? version : PACKAGES.same;
    return { ...row, other, otherPlace: "", differs };
  });
  for (const [name, version] of Object.entries(versions))
    if (!names.has(name))
      lines.push({
        name,
        reason: "",
        version: PACKAGES.notHere,
        origin: "",
        place: "",
        other: version,
        otherPlace: "",
        differs: true,
      });
  return lines.sort((one, other) => one.name.localeCompare(other.name, LANGUAGE));
}

/** Lines that have each of the words somewhere, and that differ where only those are wanted. */
export function chosenLines(lines: Line[], text: string, onlyDifferent: boolean): Line[] {
  return lines.filter(
    (line) =>
      (line.differs || !onlyDifferent) &&
      hasWords([line.name, line.version, line.origin, line.reason, line.other], text),
  );
}

/** The table; rows are made once per place and changed in place. */
export function packagesTable() {
  const body = h("tbody");
  const other = h("th", { scope: "col" });
  const titles = PACKAGES.columns.map((title) => h("th", { scope: "col" }, title));
  const element = h(
    "table",
    { class: "mlm-table mlm-packages" },
    h("thead", {}, h("tr", {}, ...titles, other)),
    body,
  );
  return {
    element,
    draw(lines: Line[], side: string): void {
      setText(other, side);
      fill(body, lines.length, row).forEach((place, index) => {
        const line = lines[index];
        if (line) drawRow(place, line);
      });
    },
  };
}

function row(): HTMLTableRowElement {
  const reason = h("span", { class: "mlm-detail" });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span"), " ", reason),
    h("td"),
    h("td"),
    h("td", { class: "mlm-other" }),
  );
}

function drawRow(place: HTMLTableRowElement, line: Line): void {
  const [name, reason] = place.querySelectorAll("th span");
  const [version, origin, other] = place.querySelectorAll("td");
  if (!name || !reason || !version || !origin || !other) return;
  setText(name, line.name);
  setText(reason, line.reason);
  setText(version, line.version);
  setText(origin, line.origin);
  setText(other, line.other);
  origin.title = line.place;
  other.title = line.otherPlace;
  place.toggleAttribute("data-differs", line.differs);
}
