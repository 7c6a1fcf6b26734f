// docs/behaviour.md R-310: what a healthcheck means for a task, on the worker with the embedded engine's health program. The
// real engine's own is held to the same stories by test/engine/acceptance.ts.

import { describe, expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import type { HealthConfig } from "../../src/gen/skep/v1/specs.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { aNode, aTask } from "../support/memory.js";
import { aWorld, lines } from "../support/world.js";
import { Bench } from "../worker/bench.js";
import { anAssignment } from "../worker/support.js";

const seconds = (count: number) => ({ seconds: count, nanos: 0 });

/** A check each second, two failures in a row make it unhealthy. */
async function checked(sim: string, startPeriod = 0): Promise<Bench> {
  const healthcheck: HealthConfig = {
    ...{ test: ["CMD", "true"], interval: seconds(1), timeout: seconds(1), startInterval: seconds(1), retries: 2 },
    startPeriod: seconds(startPeriod),
  };
  const bench = await Bench.start();
  const container = { image: "busybox", labels: { "skep.sim": sim }, healthcheck };
  await bench.assign(anAssignment({ id: "t1", spec: { container } }));
  return bench;
}

const unhealthy = "dockerexec: unhealthy container";

describe("R-310 with a healthcheck", () => {
  test("a task is STARTING until it is healthy, then RUNNING", async () => {
    const bench = await checked("health=good@1s");
    await bench.clock.advance(900);
    expect(bench.told.at(-1)).toBe("t1 STARTING starting");
    await bench.clock.advance(2_000);
    expect(bench.told.at(-1)).toBe("t1 RUNNING started");
  });

  test.each([
    { startPeriod: 0, told: `t1 FAILED starting ${unhealthy}` },
    { startPeriod: 10, told: "t1 RUNNING started" },
  ])("healthy after 8 s, with a start period of $startPeriod s: $told", async ({ startPeriod, told }) => {
    const bench = await checked("health=good@8s", startPeriod);
    await bench.clock.advance(30_000);
    expect(bench.told.at(-1)).toBe(told);
  });

  test("one that becomes unhealthy is stopped and has failed", async () => {
    const bench = await checked("health=bad@9s");
    await bench.until(TaskState.RUNNING, "t1");
    await bench.until(TaskState.FAILED, "t1");
    expect(bench.told.at(-1)).toBe(`t1 FAILED started ${unhealthy}`);
    expect(bench.containers("running")).toEqual([]);
  });

  test("and is replaced", () => {
    const failed = aTask({ id: "t1", serviceId: "service", slot: 1, nodeId: "n1", state: "FAILED" });
    const { steps } = supervise(aWorld({ nodes: [aNode({ id: "n1" })] }), [failed]);
    expect(lines(steps)).toEqual(["t1 SHUTDOWN + create 1 READY r1"]);
  });
});
