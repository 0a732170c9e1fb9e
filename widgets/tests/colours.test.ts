/// <reference types="vite/client" />
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import "../src/panels.css";
import { h } from "../src/lib/dom";

const JUPYTER = { "--jp-layout-color1": "white", "--jp-ui-font-color1": "rgb(33, 33, 33)" };
const VSCODE = {
  "--vscode-editor-background": "rgb(0, 0, 0)",
  "--vscode-editor-foreground": "rgb(255, 255, 255)",
  "--vscode-contrastBorder": "rgb(111, 195, 223)",
  "--vscode-focusBorder": "rgb(243, 133, 24)",
  "--vscode-button-foreground": "rgb(255, 255, 255)",
};

afterEach(() => {
  document.documentElement.removeAttribute("style");
  document.body.replaceChildren();
});

function panel(...themes: Record<string, string>[]) {
  for (const [name, value] of themes.flatMap(Object.entries<string>))
    document.documentElement.style.setProperty(name, value);
  const run = h("button", { class: "mlm-button mlm-run" }, "Deploy");
  const root = h("section", { class: "mlm-panel" }, run);
  document.body.append(root);
  return [getComputedStyle(root), getComputedStyle(run)] as const;
}

test("colours are JupyterLab's", () => {
  const [root] = panel(JUPYTER);
  expect(root.backgroundColor).toBe("rgb(255, 255, 255)");
  expect(root.color).toBe("rgb(33, 33, 33)");
});

test("colours are VS Code's, though ipywidgets brings JupyterLab's light ones there", () => {
  const [root, run] = panel(JUPYTER, VSCODE);
  expect(root.backgroundColor).toBe("rgb(0, 0, 0)");
  expect(root.color).toBe("rgb(255, 255, 255)");
  expect(root.borderColor).toBe("rgb(111, 195, 223)");
  expect(run.backgroundColor).toBe("rgb(0, 0, 0)");
  expect(run.borderColor).toBe("rgb(111, 195, 223)");
});

// What VS Code 1.139 gives a notebook's outputs in its themes.
const THEMES: Record<string, Record<string, string>> = {
  "Light Modern": {
    "editor-background": "#ffffff",
    "editor-foreground": "#3b3b3b",
    descriptionForeground: "#3b3b3b",
    focusBorder: "#005fb8",
    "button-background": "#005fb8",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#005fb8",
    "testing-iconPassed": "#73c991",
    "charts-green": "#388a34",
    "editorWarning-foreground": "#bf8803",
    errorForeground: "#f85149",
  },
  "Light 2026": {
    "editor-background": "#ffffff",
    "editor-foreground": "#202020",
    descriptionForeground: "#606060",
    focusBorder: "#0069cc",
    "button-background": "#0069cc",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#0069cc",
    "testing-iconPassed": "#73c991",
    "charts-green": "#388a34",
    "editorWarning-foreground": "#bf8803",
    errorForeground: "#ad0707",
  },
  "Dark Modern": {
    "editor-background": "#1f1f1f",
    "editor-foreground": "#cccccc",
    descriptionForeground: "#9d9d9d",
    focusBorder: "#0078d4",
    "button-background": "#0078d4",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#4daafc",
    "testing-iconPassed": "#73c991",
    "charts-green": "#89d185",
    "editorWarning-foreground": "#cca700",
    errorForeground: "#f85149",
  },
  "Dark 2026": {
    "editor-background": "#121314",
    "editor-foreground": "#bbbebf",
    descriptionForeground: "#8c8c8c",
    focusBorder: "rgba(57, 148, 188, 0.7)",
    "button-background": "#297aa0",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#48a0c7",
    "testing-iconPassed": "#73c991",
    "charts-green": "#86cf86",
    "editorWarning-foreground": "#cca700",
    errorForeground: "#f48771",
  },
  "Dark High Contrast": {
    "editor-background": "#000000",
    "editor-foreground": "#ffffff",
    descriptionForeground: "rgba(255, 255, 255, 0.7)",
    contrastBorder: "#6fc3df",
    focusBorder: "#f38518",
    "button-background": "#000000",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#21a6ff",
    "testing-iconPassed": "#73c991",
    "charts-green": "#89d185",
    "editorWarning-foreground": "#ffd370",
    errorForeground: "#f48771",
  },
  "Light High Contrast": {
    "editor-background": "#ffffff",
    "editor-foreground": "#292929",
    descriptionForeground: "rgba(41, 41, 41, 0.7)",
    contrastBorder: "#0f4a85",
    focusBorder: "#006bbd",
    "button-background": "#0f4a85",
    "button-foreground": "#ffffff",
    "textLink-foreground": "#0f4a85",
    "testing-iconPassed": "#007100",
    "charts-green": "#374e06",
    "editorWarning-foreground": "#895503",
    errorForeground: "#b5200d",
  },
};
const TONES = ["busy", "good", "warn", "bad", "calm"];

test.each(Object.entries(THEMES))("what is said can be read in %s", async (_name, colours) => {
  for (const [name, value] of Object.entries(colours))
    document.documentElement.style.setProperty(`--vscode-${name}`, value);
  const root = h(
    "section",
    { class: "mlm-panel" },
    h("p", { class: "mlm-note" }, "The kernel is gone."),
    ...TONES.flatMap((tone) => [
      h("span", { class: "mlm-chip", "data-tone": tone }, tone),
      h("span", { class: "mlm-figure", "data-tone": tone }, tone),
      h("span", { class: "mlm-figures", "data-tone": tone }, tone),
    ]),
    h("span", { class: "mlm-remark" }, "of 3"),
    h("button", { class: "mlm-button mlm-run" }, "Deploy"),
    h("button", { class: "mlm-button mlm-danger" }, "Delete"),
    h("span", { class: "mlm-problem" }, "Look at the name."),
    h("p", { class: "mlm-trouble" }, "There is no such model."),
    h("pre", { class: "mlm-traceback" }, h("span", { class: "mlm-exception" }, "ValueError")),
    h("div", { class: "mlm-confirm" }, h("button", { class: "mlm-button mlm-danger" }, "Yes")),
  );
  document.body.append(root);
  const { violations } = await axe.run(root, { runOnly: ["color-contrast"] });
  expect(violations.flatMap(({ nodes }) => nodes.map((node) => node.failureSummary))).toEqual([]);
});

test("VS Code's white ground of widgets goes where a panel brings its own", () => {
  const sheet = h(
    "style",
    {},
    ".cell-output-ipywidget-background { background: white !important }",
  );
  const ground = (content: HTMLElement) => {
    const inner = h("div", { class: "cell-output-ipywidget-background" }, h("div", {}, content));
    const outer = h("div", { class: "output cell-output-ipywidget-background" }, inner);
    document.body.append(sheet, outer);
    return [inner, outer].map((part) => getComputedStyle(part).backgroundColor);
  };
  const none = "rgba(0, 0, 0, 0)";
  const white = "rgb(255, 255, 255)";
  const made = () => h("section", { class: "mlm-panel" });
  expect(ground(made())).toEqual([none, none]);
  // What stands beside a panel may need it.
  expect(ground(h("div", {}, made(), h("label", {}, "dark words")))).toEqual([white, white]);
});

test.each([
  ["vscode-light", "light dark"],
  ["vscode-dark", "dark"],
  ["vscode-high-contrast", "dark"],
  ["vscode-high-contrast vscode-high-contrast-light", "light dark"],
])("boxes to tick and lists follow VS Code: %s", (kind, expected) => {
  document.documentElement.style.colorScheme = "light dark";
  document.body.className = kind;
  const [root] = panel();
  expect(root.colorScheme).toBe(expected);
  document.body.className = "";
});
