/** A line of a list or table: made once, brought up to date in place. */
export interface Line<Row> {
  element: HTMLElement;
  draw(row: Row): void;
}

/** Lines that stay with what they are of: its focus and what is open in it do not go to another. */
export function lines<Row>(
  parent: HTMLElement,
  keyOf: (row: Row) => string,
  make: () => Line<Row>,
): (rows: readonly Row[]) => void {
  let known = new Map<string, Line<Row>>();
  return (rows) => {
    const next = new Map<string, Line<Row>>();
    for (const row of rows) next.set(keyOf(row), known.get(keyOf(row)) ?? make());
    for (const [key, line] of known) if (!next.has(key)) line.element.remove();
    known = next;
    rows.forEach((row, index) => {
      const line = next.get(keyOf(row)) as Line<Row>;
      const place = parent.children[index] ?? null;
      if (place !== line.element) parent.insertBefore(line.element, place);
      line.draw(row);
    });
  };
}
