// Whom a held task waits for.

import { describe, expect, test } from "vitest";
import type { Task } from "../../src/gen/skep/v1/objects.js";
import { predecessorOf } from "../../src/store/index.js";
import { aNode, aService, aTask, memoryStore, putService } from "../support/memory.js";

const held = (restart?: Task["restart"]): Task =>
  aTask({ id: "held", slot: 0, nodeId: "n1", state: "READY", desired: "READY", task: restart ? { restart } : {} });

const old = (id: string, state: "RUNNING" | "SHUTDOWN"): Task =>
  aTask({ id, slot: 0, nodeId: "n1", state, desired: "SHUTDOWN" });

async function waitsFor(task: Task, ...others: readonly Task[]): Promise<string | undefined> {
  const m = memoryStore();
  await m.writer.update((tx) => {
    putService(tx, aService({ id: "service" }));
    tx.put("node", aNode({ id: "n1" }));
    for (const each of [task, ...others]) tx.put("task", each);
  });
  return predecessorOf(m.store, task)?.task.id;
}

describe("a held task waits", () => {
  test("for the one it replaces", async () => {
    const restart = { starts: [], backoffMs: 0, notBefore: undefined, replaces: "b", runningSince: undefined };
    expect(await waitsFor(held(restart), old("a", "RUNNING"), old("b", "RUNNING"))).toBe("b");
  });

  test("replacing none, for one of its slot that has yet to stop", async () => {
    expect(await waitsFor(held(), old("a", "SHUTDOWN"), old("b", "RUNNING"))).toBe("b");
  });

  test("for nobody, where all have stopped", async () => {
    expect(await waitsFor(held(), old("a", "SHUTDOWN"))).toBeUndefined();
  });
});
