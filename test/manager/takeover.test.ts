// "Nothing holds the loop": with 100,000 tasks in the store, a manager that begins to lead, and a loop that lost events, reads so
// many rows in one turn of the loop, and gives way.

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { Wake } from "../../src/base/index.js";
import { Allocator } from "../../src/manager/allocator/index.js";
import { Dispatcher } from "../../src/manager/dispatcher/index.js";
import { LogBroker } from "../../src/manager/logs/index.js";
import { Enforcer, Orchestrator, Reaper } from "../../src/manager/orchestrator/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { VirtualClock } from "../../src/sim/index.js";
import { follow, type Transaction } from "../../src/store/index.js";
import { aCluster, aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../support/memory.js";
import { countReads } from "../support/reads.js";
import { ManualTurns } from "../support/turns.js";

const services = 100;
const tasksOfEach = 1_000;
const nodes = 1_000;
/** A turn has 2,000 steps, each a row and perhaps what it points to; or a transaction, which looks at 1,000 rows and one service. */
const readsOfTurn = 8_000;

const clock = new VirtualClock();
const turns = new ManualTurns(clock);
let m: MemoryStore;

beforeAll(async () => {
  m = memoryStore(clock, 1, { freeze: false, nextTurn: turns.nextTurn });
  const written = [
    m.writer.update((tx) => {
      tx.put("cluster", aCluster());
      for (let at = 0; at < nodes; at += 1) tx.put("node", aNode({ id: `node-${at}` }));
    }),
  ];
  for (let at = 0; at < services; at += 1) written.push(m.writer.update((tx) => fill(tx, at)));
  await turns.all();
  await Promise.all(written);
  expect(m.store.table("task").size).toBe(services * tasksOfEach);
}, 60_000);

function fill(tx: Transaction, at: number): void {
  putService(tx, aService({ id: `service-${at}`, replicas: tasksOfEach }));
  for (let slot = 1; slot <= tasksOfEach; slot += 1) {
    const nodeId = `node-${(at * tasksOfEach + slot) % nodes}`;
    const history =
      slot % 10 === 0 ? ({ state: "FAILED", desired: "SHUTDOWN" } as const) : ({ state: "RUNNING" } as const);
    const task = { id: `task-${at}-${slot}`, serviceId: `service-${at}`, slot, nodeId };
    tx.put("task", aTask({ ...task, ...history }));
  }
}

type Loop = { run(signal: AbortSignal): Promise<void> };

const loops: Readonly<Record<string, (modules: MemoryStore) => Loop>> = {
  orchestrator: (modules) => new Orchestrator({}, modules),
  allocator: (modules) => new Allocator({}, modules),
  scheduler: (modules) => new Scheduler({}, { ...modules, writer: modules.writer, nextTurn: turns.nextTurn }),
  dispatcher: (modules) => new Dispatcher({}, { ...modules, writer: modules.writer, managers: () => [] }),
  enforcer: (modules) => new Enforcer({}, modules),
  reaper: (modules) => new Reaper({}, modules),
  logs: (modules) => {
    const broker = new LogBroker({}, modules);
    const read = { follow: true, since: "", stdout: true, stderr: true };
    const never = new AbortController().signal;
    for (let at = 0; at < 10; at += 1) broker.subscribe({ kind: "service", id: `service-${at}` }, read, never);
    return broker;
  },
};

/** The most rows that are read between two turns, and how many in all, until nobody asks for a turn any more. */
async function mostReads(begin: () => void): Promise<{ readonly most: number; readonly all: number }> {
  let most = await countReads(async () => {
    begin();
    await clock.settle();
  });
  let all = most;
  for (let quietMs = 0; quietMs < 1_500; ) {
    const read = await countReads(async () => {
      if (turns.isDue) return turns.one();
      quietMs += 250;
      await clock.advance(250);
    });
    most = Math.max(most, read);
    all += read;
  }
  return { most, all };
}

const life: AbortController[] = [];

afterEach(async () => {
  for (const each of life.splice(0)) each.abort(new Error("the test is over"));
  await turns.all();
});

function begun(loop: Loop): void {
  const abort = new AbortController();
  life.push(abort);
  loop.run(abort.signal).catch(() => undefined);
}

describe.each(Object.keys(loops))("the %s", (name) => {
  test("begins in turns", async () => {
    const loop = loops[name]?.(m) ?? expect.unreachable();
    const { most, all } = await mostReads(() => begun(loop));
    expect(all).toBeGreaterThanOrEqual(nodes);
    expect(most).toBeLessThan(readsOfTurn);
  });
});

test("a loop that lost events looks at everything again in turns", async () => {
  const loop = loops["orchestrator"]?.(m) ?? expect.unreachable();
  await mostReads(() => begun(loop));
  await loseEvents();
  const { most, all } = await mostReads(() => undefined);
  expect(all).toBeGreaterThanOrEqual(services * tasksOfEach);
  expect(most).toBeLessThan(readsOfTurn);
});

/** Every reader of the store is told to look at everything again. */
async function loseEvents(): Promise<void> {
  const chunks = [...m.store.snapshot()];
  await m.store.restore(
    (async function* () {
      yield* chunks;
    })(),
  );
  await clock.settle();
}

test("a loop that looks at everything at once is found", async () => {
  const bell = new Wake();
  const rebuild = (): Iterable<never> => {
    for (const task of m.store.table("task").all()) if (task.id === "") throw new Error("no id");
    return [];
  };
  const greedy = { tables: ["task"] as const, bell, rebuild, note: () => undefined, work: async () => undefined };
  const { most } = await mostReads(() => begun({ run: (signal) => follow(m.store, clock, greedy, signal) }));
  expect(most).toBeGreaterThanOrEqual(services * tasksOfEach);
});
