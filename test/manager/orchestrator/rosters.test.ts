// A roster is what a transaction sees: whatever was committed since, written in the same entry before, or taken back.

import { describe, expect, test } from "vitest";
import { TaskState, UpdateState, type UpdateStatus } from "../../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../../src/gen/skep/v1/specs.js";
import { Roster } from "../../../src/manager/orchestrator/roster.js";
import { Rosters, type RostersOptions } from "../../../src/manager/orchestrator/rosters.js";
import { worldOf } from "../../../src/manager/orchestrator/world.js";
import { SeededRandom } from "../../../src/sim/index.js";
import type { Transaction } from "../../../src/store/index.js";
import {
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type MemoryStore,
  memoryStore,
  putRevision,
  putService,
} from "../../support/memory.js";
import { countReads } from "../../support/reads.js";

const seeds = Array.from({ length: 10 }, (_, seed) => seed + 1);
const nodes = ["n1", "n2", "n3"];
const life = new AbortController();

async function aStore(options: RostersOptions): Promise<{ m: MemoryStore; rosters: Rosters }> {
  const m = memoryStore();
  const rosters = new Rosters(options);
  rosters.follow(m.store, life.signal);
  await m.writer.update((tx) => {
    for (const id of nodes) tx.put("node", aNode({ id }));
    for (const id of ["web", "db"]) putService(tx, aService({ id, replicas: 5 }));
  });
  return { m, rosters };
}

const look = (tx: Transaction, id: string) => {
  const service = tx.table("service").get(id);
  return service && worldOf(tx, service, { nowMs: 0, newId: () => "new", stopWaitMs: () => 0, isLate: () => false });
};

/** What the rosters say of a service, and what is true. */
function both(rosters: Rosters, tx: Transaction, id: string): readonly [unknown, unknown] {
  const world = look(tx, id);
  if (world === undefined) return [undefined, undefined];
  const kept = rosters.of(tx, world).roster;
  const fresh = new Roster(tx, world);
  return [shown(kept), shown(fresh)];
}

function shown(roster: Roster): unknown {
  const { live, dead } = roster.slots();
  const ids = (slots: readonly { slot: number; tasks: readonly { id: string }[] }[]) =>
    slots.map(({ slot, tasks }) => [slot, tasks.map(({ id }) => id).sort()]);
  const seen = roster.seen().map(({ slot, phase, settling }) => [slot.slot, phase, settling]);
  return { size: roster.size, live: ids(live), dead: ids(dead).sort(([a], [b]) => Number(a) - Number(b)), seen };
}

describe("after anything", () => {
  test.each(seeds)("a roster says what is true: seed %i", async (seed) => {
    const random = new SeededRandom(seed);
    const { m, rosters } = await aStore({ keptMin: 0 });
    for (let step = 0; step < 60; step++) {
      const writes: Promise<unknown>[] = [];
      // Queued together they share an entry; some are taken back.
      for (let n = random.int(4); n >= 0; n--) {
        const isRefused = random.chance(0.2);
        const writing = m.writer.update((tx) => {
          for (let change = random.int(3); change >= 0; change--) write(tx, random);
          const id = random.pick(["web", "db"]) ?? "web";
          const [kept, fresh] = both(rosters, tx, id);
          expect(kept).toEqual(fresh);
          if (random.chance(0.3)) write(tx, random);
          if (isRefused) throw new Error("refused");
        });
        writes.push(isRefused ? expect(writing).rejects.toThrow("refused") : writing);
      }
      await Promise.all(writes);
    }
  });
});

test("of a large service only what changed is read again", async () => {
  const { m, rosters } = await aStore({});
  await m.writer.update((tx) => {
    for (let slot = 1; slot <= 1_000; slot++)
      tx.put("task", aTask({ id: `t${slot}`, serviceId: "web", slot, nodeId: "n1" }));
  });
  const seen = () =>
    countReads(async () => {
      await m.writer.update((tx) => {
        const world = look(tx, "web");
        if (world) expect(rosters.of(tx, world).roster.seen().length).toBe(1_000);
      });
    });
  expect(await seen()).toBeGreaterThan(1_000);
  expect(await seen()).toBeLessThan(10);
  await m.writer.update((tx) => setState(tx, "t7", TaskState.RUNNING));
  expect(await seen()).toBeLessThan(20);
});

function write(tx: Transaction, random: SeededRandom): void {
  const id = random.pick(["web", "db"]) ?? "web";
  const task = random.pick([...tx.table("task").by("service", id)]);
  const draw = random.next();
  if (task === undefined || draw < 0.3) {
    const slot = 1 + random.int(5);
    const nodeId = random.pick(nodes) ?? "n1";
    const state = random.pick(["PENDING", "READY", "RUNNING", "FAILED"] as const) ?? "RUNNING";
    const revision = tx.table("service").get(id)?.revision ?? 1;
    tx.put("task", aTask({ id: `t${tx.revision}-${random.int(1e9)}`, serviceId: id, slot, nodeId, state, revision }));
  } else if (draw < 0.45) tx.delete("task", task.id);
  else if (draw < 0.7) setState(tx, task.id, random.pick([TaskState.RUNNING, TaskState.FAILED]) ?? TaskState.RUNNING);
  else if (draw < 0.85) tx.put("task", { ...task, desiredState: TaskState.SHUTDOWN });
  else if (draw < 0.93) putRevision(tx, id, aServiceSpec({ name: id, image: `image:${random.int(3)}` }));
  else {
    const service = tx.table("service").get(id);
    if (service) tx.put("service", { ...service, updateStatus: random.chance(0.5) ? status : undefined });
  }
}

const status: UpdateStatus = {
  ...{ state: UpdateState.UPDATING, message: "", total: 0, done: 0, failed: 0 },
  ...{ startedAt: undefined, completedAt: undefined },
};

function setState(tx: Transaction, id: string, state: TaskState): void {
  const task = tx.table("task").get(id);
  if (task?.status) tx.setStatus(id, { ...task.status, state });
}

test("a node that drains changes what is said of its slots", async () => {
  const { m, rosters } = await aStore({ keptMin: 0 });
  await m.writer.update((tx) => {
    for (const [id, nodeId] of [
      ["a", "n1"],
      ["b", "n2"],
    ] as const)
      tx.put("task", aTask({ id, serviceId: "web", slot: 1, nodeId, state: "RUNNING" }));
  });
  const settles = () =>
    m.writer.update((tx) => {
      const world = look(tx, "web");
      return world && rosters.of(tx, world).roster.seen()[0]?.settling;
    });
  const before = await settles();
  await m.writer.update((tx) => {
    const node = tx.table("node").get("n1");
    if (node?.spec)
      tx.put("node", {
        ...node,
        spec: { ...node.spec, availability: NodeAvailability.DRAIN },
      });
  });
  const after = await settles();
  expect(before).not.toEqual(after);
});
