import { afterEach, beforeEach, expect, test } from "vitest";
import { h } from "../src/lib/dom";
import { entrance, keepFocus } from "../src/lib/focus";
import { lines } from "../src/lib/lines";
import { frame } from "../src/lib/shell";

let root: HTMLElement;
let cell: HTMLElement;
const button = (name: string) => h("button", { type: "button" }, name);
const [before, inner, other] = [button("before"), button("inner"), button("other")];
const part = h("div", {}, inner);

beforeEach(() => {
  inner.disabled = false;
  part.hidden = false;
  part.replaceChildren(inner);
  root = h("section", {}, before, part, button("after"));
  cell = h("div", { class: "jp-Cell", tabindex: "-1" }, root);
  document.body.append(cell, other);
  keepFocus(root);
  inner.focus();
});
afterEach(() => document.body.replaceChildren());

const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

test.each([
  ["is hidden", () => part.toggleAttribute("hidden", true)],
  ["is taken away", () => part.replaceChildren()],
  [
    "is closed",
    () => {
      inner.disabled = true;
    },
  ],
])("the focus goes to the control before one that %s", async (_how, go) => {
  go();
  await settled();
  expect(document.activeElement).toBe(before);
});

test("what has the focus stays in sight when a part above it comes, unless the user scrolled on", async () => {
  // JupyterLab turns the browser's own scroll anchoring off.
  document.documentElement.style.overflowAnchor = "none";
  cell.style.marginBottom = "5000px";
  const above = h("div");
  root.prepend(above);
  const isInSight = () => {
    const { top, bottom } = inner.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  };
  await settled();
  above.style.height = "2000px";
  await settled();
  expect(isInSight()).toBe(true);
  scrollTo(0, 4500);
  await settled();
  above.style.height = "2500px";
  await settled();
  expect(isInSight()).toBe(false);
  document.documentElement.style.overflowAnchor = "";
});

test("a user who left is not called back", async () => {
  inner.blur();
  await settled();
  part.hidden = true;
  await settled();
  expect(document.activeElement).toBe(document.body);
  other.focus();
  before.remove();
  await settled();
  expect(document.activeElement).toBe(other);
});

test("a panel that goes as a whole keeps nothing", async () => {
  root.remove();
  await settled();
  expect(document.activeElement).toBe(document.body);
});

test("Escape goes to the cell, but where it has a meaning of its own", () => {
  const search = h("input", { type: "search", placeholder: "Search" });
  root.append(search);
  const press = (place: HTMLElement) =>
    place.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  search.value = "iris";
  search.focus();
  press(search);
  expect(document.activeElement).toBe(search);
  search.value = "";
  press(search);
  expect(document.activeElement).toBe(cell);
  const list = h("datalist", { id: "suggestions" });
  const field = h("input", { type: "text", list: "suggestions" });
  root.append(field, list);
  field.focus();
  press(field);
  expect(document.activeElement).toBe(cell);
  list.append(h("option", { value: "iris:1" }));
  field.focus();
  press(field);
  expect(document.activeElement).toBe(field);
});

test("lines keep their focus when others come and go", () => {
  const list = h("ul");
  root.append(list);
  const draw = lines<string>(
    list,
    (name) => name,
    () => {
      const place = button("");
      return {
        element: h("li", {}, place),
        draw: (name) => {
          place.textContent = name;
        },
      };
    },
  );
  const shown = () => [...list.children].map((line) => line.textContent);
  draw(["b", "c"]);
  list.querySelectorAll("button")[1]?.focus();
  draw(["a", "b", "c", "d"]);
  expect(shown()).toEqual(["a", "b", "c", "d"]);
  expect(document.activeElement?.textContent).toBe("c");
  draw(["c", "d"]);
  expect(document.activeElement?.textContent).toBe("c");
  draw(["d", "c"]);
  expect(shown()).toEqual(["d", "c"]);
});

test("keys are JupyterLab's only with Ctrl, but for Enter, which would run the cell", () => {
  const view = new AbortController();
  const list = h("select", {}, h("option", {}, "newer"));
  frame(cell, view.signal, "mlm-environment", list);
  // Its selectors meet what has the focus first, on the way down from the document.
  const kept: boolean[] = [];
  const hear = () => kept.push(list.hasAttribute("data-lm-suppress-shortcuts"));
  document.addEventListener("keydown", hear, true);
  const press = (keys: KeyboardEventInit) => {
    list.dispatchEvent(new KeyboardEvent("keydown", { ...keys, bubbles: true }));
    return kept.pop();
  };
  list.focus();
  expect(press({ key: "x" })).toBe(true);
  expect(press({ key: "s", ctrlKey: true })).toBe(false);
  expect(press({ key: "f", metaKey: true })).toBe(false);
  expect(press({ key: "Enter", ctrlKey: true })).toBe(true);
  expect(press({ key: "s", ctrlKey: true })).toBe(false);
  expect(press({ key: "x" })).toBe(true);
  view.abort();
  document.removeEventListener("keydown", hear, true);
});

test("VS Code's way into an output, to its first control, leads to the first that is there", () => {
  before.hidden = true;
  root.prepend(entrance(root));
  root.querySelector<HTMLElement>("[tabindex='0'], [href], button, input")?.focus();
  expect(document.activeElement).toBe(inner);
  before.hidden = false;
});

test("Escape leads back to the cell, in JupyterLab and in VS Code", () => {
  const leave = () =>
    inner.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  leave();
  expect(document.activeElement).toBe(cell);
  const way = h("div", { tabindex: "0" });
  cell.className = "cell_container";
  cell.before(way);
  inner.focus();
  leave();
  expect(document.activeElement).toBe(way);
});

test("VS Code hears the keys of the editor that are pressed in a panel, not those of the cell", () => {
  const heard: string[] = [];
  const hear = ({ key }: KeyboardEvent) => void heard.push(key);
  window.addEventListener("keydown", hear);
  const made = frame(cell, new AbortController().signal, "mlm-test", inner);
  const press = (key: string, more: KeyboardEventInit = {}) =>
    inner.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
  for (const key of ["d", "x", "b", "ArrowDown", "Enter", "Tab", " "]) press(key);
  press("Enter", { ctrlKey: true });
  press("Enter", { altKey: true });
  expect(heard).toEqual([]);
  press("s", { ctrlKey: true });
  press("p", { metaKey: true });
  press("z", { altKey: true });
  press("F1");
  press("Escape");
  expect(heard).toEqual(["s", "p", "z", "F1", "Escape"]);
  made.root.remove();
  window.removeEventListener("keydown", hear);
});
