import { describe, expect, test } from "vitest";
import type { ModelRow, ServiceRow } from "../src/contract";
import { stateWord } from "../src/lib/state";
import { hasWords } from "../src/lib/words";
import { modelsTable } from "../src/models/table";
import { matches } from "../src/services/filter";
import { servicesTable } from "../src/services/table";

const ROW: ServiceRow = {
  name: "iris-svc",
  target: "docker",
  state: "Unhealthy",
  reason: "Stopped",
  message: "",
  models: ["iris:3", "scaler:1"],
  scoringUri: null,
  ready: 0,
  wanted: 1,
  rates: [],
  errors: [],
};

describe("the filter of services", () => {
  test.each(["", "  ", "IRIS", "docker iris", "scaler:1 stopped", "svc  docker"])(
    "%j finds it",
    (words) => {
      expect(matches(ROW, words)).toBe(true);
    },
  );

  test.each(["iris local", "unhealthy", "iris:33"])("%j does not", (words) => {
    expect(matches(ROW, words)).toBe(false);
  });

  test("words are found in one text, never over two", () => {
    expect(hasWords(["iris", "svc"], "irissvc")).toBe(false);
  });
});

describe("the word of a state", () => {
  test("what was stopped by hand is called so, unless it goes", () => {
    expect(stateWord({ state: "Unhealthy", reason: "Stopped" })).toBe("Stopped");
    expect(stateWord({ state: "Deleting", reason: "Stopped" })).toBe("Deleting");
    expect(stateWord({ state: "Failed", reason: "InitFailed" })).toBe("Failed");
  });
});

test("a service that runs nothing is not told to lack nothing", () => {
  const none = { chosen: new Set<string>(), opened: "", choose: () => {}, open: () => {} };
  const table = servicesTable(() => none);
  const ready = () => table.element.querySelector("tbody [data-column=ready]")?.textContent;
  table.draw([ROW]);
  expect(ready()).toBe("0 of 1");
  table.draw([{ ...ROW, wanted: 0 }]);
  expect(ready()).toBe("–");
});

test("a tag of a model is a search for it", () => {
  const found: string[] = [];
  const table = modelsTable(() => ({
    chosen: ["iris:1"],
    opened: "",
    choose: () => {},
    open: () => {},
    find: (text) => found.push(text),
  }));
  const model: ModelRow = {
    id: "iris:1",
    name: "iris",
    version: 1,
    framework: "ScikitLearn",
    size: 2048,
    tags: [["stage", "two words"]],
    properties: [],
    aliases: ["live"],
    createdAt: new Date().toISOString(),
  };
  table.draw([model]);
  table.element.querySelector<HTMLButtonElement>(".mlm-tag")?.click();
  expect(found).toEqual(["stage=two words"]);
  const isChosen = () => table.element.querySelector("tbody input")?.matches(":checked");
  expect(isChosen()).toBe(true);
  table.draw([{ ...model, id: "iris:2" }]);
  expect(isChosen()).toBe(false);
  table.draw([]);
  expect(table.element.querySelectorAll("tbody tr")).toHaveLength(0);
});
