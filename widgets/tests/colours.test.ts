/// <reference types="vite/client" />
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
