import { expect, test } from "vitest";
import type { ServiceIntents, ServiceModel, Snapshot } from "../src/contract";
import { openDoor } from "../src/lib/python";
import { createStore } from "../src/lib/store";
import type { Ui } from "../src/service/section";
import { traffic } from "../src/service/traffic";
import { kernel } from "./model";

test("what a service that is gone or stopped was asked is no 'now'", () => {
  const reading = { at: "", rate: 0.4, errors: 0, p50: 1, p95: 1, p99: 1 };
  const { model } = kernel({ traffic: [reading] });
  const { element, update } = traffic({
    python: openDoor<ServiceModel, ServiceIntents>(model),
    ui: createStore<Ui>({ body: null, mode: "form", folded: {} }),
    say: () => {},
    signal: new AbortController().signal,
  });
  const isShown = (state: string, reason = "") => {
    update({ state, reason } as Snapshot);
    return !element.hidden;
  };
  expect(isShown("Healthy")).toBe(true);
  expect(isShown("Unhealthy", "Stopped")).toBe(false);
  expect(isShown("Unhealthy", "Crashed")).toBe(true);
  expect(isShown("Deleted")).toBe(false);
});
