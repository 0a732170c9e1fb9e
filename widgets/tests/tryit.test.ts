import { expect, test, vi } from "vitest";
import type { ServiceIntents, ServiceModel } from "../src/contract";
import { openDoor } from "../src/lib/python";
import { createStore } from "../src/lib/store";
import type { Ui } from "../src/service/section";
import { tryIt } from "../src/service/tryit";
import { kernel } from "./model";

test("an empty request is not sent: its example is none", async () => {
  const python = kernel();
  const { element } = tryIt({
    python: openDoor<ServiceModel, ServiceIntents>(python.model),
    ui: createStore<Ui>({ body: null, mode: "json", folded: {} }),
    say: () => {},
    signal: new AbortController().signal,
  });
  element.querySelector<HTMLButtonElement>(".mlm-run")?.click();
  await vi.waitFor(() =>
    expect(element.querySelector(".mlm-answer")?.textContent).toContain("The request is empty"),
  );
  expect(python.asked).toEqual([]);
});
