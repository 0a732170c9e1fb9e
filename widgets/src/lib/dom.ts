/** The few DOM helpers that the panels need; elements are made once and changed in place. */

type Attribute = string | boolean | ((event: Event) => void);

/** Make an element: `on…` functions become listeners, booleans become bare attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Attribute> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Change a text only when it differs, so that selections and screen readers are left alone. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element: HTMLElement, visible: boolean): void {
  element.hidden = !visible;
}

/** Have Enter in a line do something; not the Enter that ends the writing of a word (IME). */
export function onEnter(place: HTMLElement, action: () => void): void {
  place.addEventListener("keydown", ({ key, isComposing }) => {
    if (key === "Enter" && !isComposing) action();
  });
}

export function button(words: string): HTMLButtonElement {
  return h("button", { type: "button", class: "mlm-button" }, words);
}

/** Bring the children of a list to the given number. */
export function fill<T extends HTMLElement>(
  parent: HTMLElement,
  count: number,
  make: () => T,
): T[] {
  while (parent.childElementCount > count) parent.lastElementChild?.remove();
  while (parent.childElementCount < count) parent.append(make());
  return [...parent.children] as T[];
}

const ICONS = {
  check: "M3 8.5l3.2 3.2L13 4.8",
  chevron: "M6 4l4 4-4 4",
  copy: "M5.5 5.5V3.6a1.1 1.1 0 0 1 1.1-1.1h5.8a1.1 1.1 0 0 1 1.1 1.1v5.8a1.1 1.1 0 0 1-1.1 1.1h-1.9M3.6 5.5h5.8a1.1 1.1 0 0 1 1.1 1.1v5.8a1.1 1.1 0 0 1-1.1 1.1H3.6a1.1 1.1 0 0 1-1.1-1.1V6.6a1.1 1.1 0 0 1 1.1-1.1z",
  cross: "M4 4l8 8M12 4l-8 8",
  down: "M8 3v9M4 8.5L8 12.5l4-4",
  hide: "M2.5 2.5l11 11M6.6 3.9A6.6 6.6 0 0 1 8 3.7c4.2 0 6.5 4.3 6.5 4.3a11 11 0 0 1-1.7 2.2M4.2 4.9A10.7 10.7 0 0 0 1.5 8s2.3 4.3 6.5 4.3a6.3 6.3 0 0 0 3.1-.8M6.7 6.8a1.8 1.8 0 0 0 2.5 2.5",
  play: "M5 3.5v9l7.5-4.5z",
  turn: "M13 8a5 5 0 1 1-1.6-3.7M13 2.2v2.9h-2.9",
  show: "M1.5 8S3.8 3.7 8 3.7 14.5 8 14.5 8 12.2 12.3 8 12.3 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
} as const;

export type IconName = keyof typeof ICONS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "mlm-icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg: SVGSVGElement, name: IconName): void {
  svg.firstElementChild?.setAttribute("d", ICONS[name]);
}

/** A button that shows an icon and says its label to screen readers and on hover. */
export function iconButton(name: IconName, label: string, onclick: () => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "mlm-icon-button", onclick }, icon(name));
  setLabel(button, label);
  return button;
}

export function setLabel(button: HTMLButtonElement, label: string): void {
  button.title = label;
  button.setAttribute("aria-label", label);
}
