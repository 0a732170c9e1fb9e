// Components are tested in the browser that the tests of JupyterLab use: the system's, where there is one.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
// A machine under load is slow, not wrong.
const PATIENCE_MS = 300_000;
const folders = (process.env.PATH ?? "").split(delimiter);
const installed = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
const executablePath = installed.find(existsSync);

export default defineConfig({
  clearScreen: false,
  cacheDir: "node_modules/.vite",
  optimizeDeps: { include: ["axe-core"] }, // found on the way, it would load all pages anew
  test: {
    testTimeout: PATIENCE_MS,
    browser: { connectTimeout: PATIENCE_MS }, // that of a project is not asked
    projects: [
      { extends: true, test: { name: "sources", include: ["tests/**/*.test.mjs"] } },
      {
        extends: true,
        test: {
          name: "panels",
          include: ["tests/**/*.test.ts"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                ...(executablePath && { executablePath }),
                args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
              },
            }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
