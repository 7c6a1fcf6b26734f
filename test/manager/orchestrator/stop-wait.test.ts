import { describe, expect, test } from "vitest";
import type { Task } from "../../../src/gen/skep/v1/objects.js";
import { StopWaits } from "../../../src/manager/orchestrator/stop-wait.js";
import { VirtualClock } from "../../../src/sim/index.js";
import type { RowChange } from "../../../src/store/index.js";
import { aNode, aTask, memoryStore } from "../../support/memory.js";

const most = 70_000;
const stopping = aTask({ id: "t1", nodeId: "n1", state: "RUNNING", desired: "SHUTDOWN" });
const ended = aTask({ id: "t1", nodeId: "n1", state: "SHUTDOWN", desired: "SHUTDOWN" });

function taskChange(row: Task | undefined): RowChange {
  return { table: "task", id: "t1", row, previous: stopping };
}

function nodeChange(state: "DOWN" | "READY" | undefined): RowChange {
  const row = state && aNode({ id: "n1", state });
  return { table: "node", id: "n1", row, previous: aNode({ id: "n1" }) };
}

/** What is left 50 s after the first question, once `change` was noted. */
async function leftAfter(change?: RowChange): Promise<number> {
  const clock = new VirtualClock();
  const waits = new StopWaits(clock);
  expect(waits.leftMs(stopping, most)).toBe(most);
  await clock.advance(50_000);
  if (change) waits.note([change]);
  return waits.leftMs(stopping, most);
}

describe("R-308 the wait for a task to stop", () => {
  test("counts from the first question", async () => {
    expect(await leftAfter()).toBe(20_000);
  });

  test.each([3_600_000, -3_600_000])("knows nothing of wall clocks: one jumps by %i ms", async (byMs) => {
    const clock = new VirtualClock();
    const waits = new StopWaits(clock);
    waits.leftMs(stopping, most);
    await clock.advance(50_000);
    clock.jumpWall(byMs);
    expect(waits.leftMs(stopping, most)).toBe(20_000);
  });

  test.each([
    { title: "it ended", change: taskChange(ended), leftMs: most },
    { title: "it is gone", change: taskChange(undefined), leftMs: most },
    { title: "it says something", change: taskChange(stopping), leftMs: 20_000 },
    { title: "its host was given up", change: nodeChange("DOWN"), leftMs: most },
    { title: "its host was removed", change: nodeChange(undefined), leftMs: most },
    { title: "its host says something", change: nodeChange("READY"), leftMs: 20_000 },
  ])("is forgotten or goes on: $title", async ({ change, leftMs }) => {
    expect(await leftAfter(change)).toBe(leftMs);
  });

  test("outlives a resync for what still stops", async () => {
    const m = memoryStore();
    await m.writer.update((tx) => tx.put("task", stopping));
    const waits = new StopWaits(m.clock);
    const gone: Task = { ...stopping, id: "t2" };
    waits.leftMs(stopping, most);
    waits.leftMs(gone, most);
    await m.clock.advance(50_000);
    Array.from(waits.rebuild(m.store));
    expect([waits.leftMs(stopping, most), waits.leftMs(gone, most)]).toEqual([20_000, most]);
  });
});
