// "Work per event is proportional to the change": with 100,000 tasks in the store, what happens to one task, service or node makes
// no loop of the leader read more rows than that task's slot, that service or that node has.

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { Allocator } from "../../src/manager/allocator/index.js";
import { Dispatcher } from "../../src/manager/dispatcher/index.js";
import { Enforcer, Orchestrator, Reaper } from "../../src/manager/orchestrator/index.js";
import { newTask } from "../../src/model/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import type { Transaction } from "../../src/store/index.js";
import { aCluster, aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../support/memory.js";
import { countReads } from "../support/reads.js";

const services = 1_000;
const tasksOfEach = 100;
const nodes = 1_000;
/** A slot has one task, a service and a node 100; a look may read them a few times over. */
const slotReads = 60;
const hundredReads = 20 * tasksOfEach;

/** Longer than a loop gathers; all together shorter than the silence after which the dispatcher gives up so many nodes. */
const eventMs = 1_100;

let m: MemoryStore;

beforeAll(async () => {
  m = memoryStore(undefined, 1, { freeze: false });
  await m.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let at = 0; at < nodes; at += 1) tx.put("node", aNode({ id: `node-${at}` }));
  });
  for (let at = 0; at < services; at += 10) await m.writer.update((tx) => fill(tx, at, at + 10));
  expect(m.store.table("task").size).toBe(services * tasksOfEach);
}, 60_000);

function fill(tx: Transaction, from: number, to: number): void {
  for (let at = from; at < to; at += 1) {
    putService(tx, aService({ id: `service-${at}`, replicas: tasksOfEach }));
    for (let slot = 1; slot <= tasksOfEach; slot += 1) {
      const nodeId = `node-${(at * tasksOfEach + slot) % nodes}`;
      const id = `task-${at}-${slot}`;
      tx.put("task", aTask({ id, serviceId: `service-${at}`, slot, nodeId, state: "RUNNING" }));
    }
  }
}

const loops: Readonly<Record<string, (modules: MemoryStore) => { run(signal: AbortSignal): Promise<void> }>> = {
  orchestrator: (modules) => new Orchestrator({}, modules),
  allocator: (modules) => new Allocator({}, modules),
  scheduler: (modules) => new Scheduler({}, modules),
  dispatcher: (modules) => new Dispatcher({}, { ...modules, managers: () => [] }),
  enforcer: (modules) => new Enforcer({}, modules),
  reaper: (modules) => new Reaper({}, modules),
};

interface Event {
  readonly name: string;
  readonly mostReads: number;
  readonly happen: (tx: Transaction, number: number) => void;
}

const events: readonly Event[] = [
  {
    name: "a task says something new of itself",
    mostReads: slotReads,
    happen: (tx, n) => setStatus(tx, `task-${n}-1`, TaskState.RUNNING, `said ${n}`),
  },
  {
    name: "a task fails",
    mostReads: slotReads,
    happen: (tx, n) => setStatus(tx, `task-${n}-2`, TaskState.FAILED, "failed"),
  },
  {
    name: "a task is made",
    mostReads: slotReads,
    happen: (tx, n) => tx.put("task", made(`new-${n}`, `service-${n}`, tasksOfEach + 1, TaskState.NEW)),
  },
  {
    name: "a task waits for a node",
    mostReads: slotReads,
    happen: (tx, n) => tx.put("task", made(`waits-${n}`, `service-${n}`, tasksOfEach + 2, TaskState.PENDING)),
  },
  { name: "a task is deleted", mostReads: hundredReads, happen: (tx, n) => tx.delete("task", `task-${n}-3`) },
  {
    name: "a service is created",
    mostReads: slotReads,
    happen: (tx, n) => putService(tx, aService({ id: `created-${n}`, replicas: 1 })),
  },
  {
    name: "a service is changed",
    mostReads: hundredReads,
    happen: (tx, n) => {
      const service = tx.table("service").get(`service-${n}`);
      if (service) tx.put("service", { ...service, specVersion: tx.revision });
    },
  },
  {
    name: "a node says what it has",
    mostReads: hundredReads,
    happen: (tx, n) => {
      const node = tx.table("node").get(`node-${n}`);
      if (node?.description) tx.put("node", { ...node, description: { ...node.description, hostname: `host-${n}` } });
    },
  },
  {
    name: "a node pauses",
    mostReads: hundredReads,
    happen: (tx, n) => {
      const node = tx.table("node").get(`node-${n}`);
      if (node?.spec) tx.put("node", { ...node, spec: { ...node.spec, availability: NodeAvailability.PAUSE } });
    },
  },
];

describe.each(Object.keys(loops))("the %s", (name) => {
  const stop: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of stop.splice(0)) await each();
  });

  test("reads what an event concerns, and nothing else", async () => {
    const loop = loops[name]?.(m);
    const life = new AbortController();
    const over = loop?.run(life.signal).catch(() => undefined);
    stop.push(async () => {
      life.abort(new Error("the test is over"));
      await over;
    });
    await m.clock.advance(2_000);
    const read: Record<string, number> = {};
    for (const [at, { name: event, happen }] of events.entries()) {
      const number = Object.keys(loops).indexOf(name) * events.length + at;
      read[event] = await countReads(async () => {
        await m.writer.update((tx) => happen(tx, number));
        await m.clock.advance(eventMs);
      });
    }
    for (const { name: event, mostReads } of events) expect.soft(read[event], event).toBeLessThanOrEqual(mostReads);
  });
});

test("a loop that looks at everything is found", async () => {
  const read = await countReads(async () => {
    for (const task of m.store.table("task").all()) if (task.id === "") throw new Error("no id");
  });
  expect(read).toBeGreaterThanOrEqual(services * tasksOfEach);
});

function setStatus(tx: Transaction, id: string, state: TaskState, message: string): void {
  const now = wallTime(m.clock.now());
  tx.setStatus(id, { state, message, err: "", container: undefined, ports: [], timestamp: now, appliedAt: now });
}

function made(id: string, serviceId: string, slot: number, state: TaskState): Task {
  const task = newTask({ id, serviceId, revision: 1, slot, now: wallTime(m.clock.now()) });
  return { ...task, status: task.status && { ...task.status, state } };
}
