import { expect, test } from "vitest";
import type { Snapshot } from "../src/contract";
import { progress } from "../src/service/progress";

const COMING: Partial<Snapshot> = {
  state: "Transitioning",
  reason: "",
  traceback: "",
  sample: null,
};

/** What the list says of each step that a service takes. */
function steps(computeType: string, told: Partial<Snapshot>): string[] {
  const { element, update } = progress();
  update({ ...COMING, computeType, ...told } as Snapshot);
  if (element.hidden) return [];
  return [...element.children].map((item) => item.getAttribute("aria-label") ?? "");
}

test("each target has its own way", () => {
  expect(steps("local", { stage: "environment" })).toEqual([
    "Environment: running",
    "Start: to come",
    "init(): to come",
    "Healthy: to come",
  ]);
  expect(steps("docker", { stage: "image" })).toEqual([
    "Environment: done",
    "Image: running",
    "Start: to come",
    "init(): to come",
    "Healthy: to come",
  ]);
  expect(steps("kubernetes", { stage: "push" })).toEqual([
    "Environment: done",
    "Image: done",
    "Push: running",
    "Start: to come",
    "init(): to come",
    "Healthy: to come",
  ]);
});

test("what servers say more exactly is part of a step", () => {
  expect(steps("docker", { stage: "import" })).toContain("Start: running");
  expect(steps("docker", { stage: "waiting" })).toContain("init(): done");
  expect(steps("docker", { stage: "draining" })).toEqual([]);
});

test("a failure stands where the way broke off", () => {
  const broken = (reason: string) => steps("kubernetes", { state: "Failed", reason, stage: "" });
  expect(broken("ImageBuildFailed")).toContain("Image: failed");
  expect(broken("ImagePushFailed")).toContain("Push: failed");
  expect(broken("ImagePullFailed")).toContain("Start: failed");
  expect(broken("CrashLoop")).toEqual([]);
});
