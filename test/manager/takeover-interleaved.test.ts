// A rebuild in turns misses nothing: whatever is written between any two rows that a new leader looks at, it leaves nothing to do
// for the leader after it.

import { expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { NodeState, type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { Allocator } from "../../src/manager/allocator/index.js";
import { Enforcer, Orchestrator, Reaper } from "../../src/manager/orchestrator/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import type { Reader, Transaction } from "../../src/store/index.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type MemoryStore,
  memoryStore,
  putRevision,
  putService,
} from "../support/memory.js";
import { ManualTurns } from "../support/turns.js";

const seeds = Array.from({ length: 60 }, (_, seed) => seed + 1);
/** Longer than any wait of what is written here. */
const settledMs = 30 * 60_000;

interface Taken {
  readonly m: MemoryStore;
  readonly turns: ManualTurns;
}

/** A leader begins while others write, one row a turn; then all comes to rest. `isDeaf`: it hears of nothing meanwhile. */
async function takeOver(seed: number, { isDeaf = false } = {}): Promise<Taken> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const turns = new ManualTurns(clock);
  const m = memoryStore(clock, seed, { turnSteps: 1 + random.int(3), nextTurn: turns.nextTurn });
  const written = [m.writer.update((tx) => fill(tx, random))];
  await turns.all();
  const hears = isDeaf ? deafen(m) : undefined;
  const stop = lead(m, turns);
  for (let writes = 25; writes > 0; ) {
    if (turns.isDue && random.chance(0.85)) await turns.one();
    else {
      writes -= 1;
      written.push(m.writer.update((tx) => change(tx, random)));
      await clock.settle();
    }
  }
  await turns.all();
  await Promise.all(written);
  hears?.();
  await turns.advance(settledMs);
  await stop();
  return { m, turns };
}

/** Rows the next leader of what was settled changes: it looks at everything before anybody writes. */
async function leftToDo({ m, turns }: Taken): Promise<readonly string[]> {
  const { revision } = m.store;
  m.changeLeader();
  const heard = m.store.watch({}, new AbortController().signal);
  const stop = lead(m, turns);
  await turns.advance(settledMs);
  await stop();
  const changes = heard.take()?.changes ?? [];
  expect(m.store.revision > revision).toBe(changes.length > 0);
  return changes.map(({ table, id }) => `${table} ${id}`);
}

test.each(seeds)("whatever is written meanwhile: seed %i", async (seed) => {
  expect(await leftToDo(await takeOver(seed))).toEqual([]);
});

test("a leader that does not hear what is written meanwhile is found", async () => {
  const left = [];
  for (const seed of seeds.slice(0, 10)) left.push(...(await leftToDo(await takeOver(seed, { isDeaf: true }))));
  expect(left.length).toBeGreaterThan(10);
});

function lead(m: MemoryStore, turns: ManualTurns): () => Promise<void> {
  const life = new AbortController();
  const modules = { ...m, writer: m.writer, nextTurn: turns.nextTurn };
  const loops = [
    new Orchestrator({ keptMin: 0 }, modules),
    new Allocator({}, modules),
    new Scheduler({}, modules),
    new Enforcer({}, modules),
    new Reaper({}, modules),
  ];
  const failures: unknown[] = [];
  for (const loop of loops)
    loop.run(life.signal).catch((error: unknown) => life.signal.aborted || failures.push(error));
  return async () => {
    life.abort(new Error("the test is over"));
    await turns.all();
    expect(failures).toEqual([]);
  };
}

/** What is committed is not told, until what is returned is called. */
function deafen({ store }: MemoryStore): () => void {
  let isDeaf = true;
  const watch = store.watch.bind(store);
  store.watch = (options, signal): Reader => {
    const reader = watch(options, signal);
    return {
      take: () => reader.take(),
      async *[Symbol.asyncIterator]() {
        for await (const batch of reader) if (!isDeaf) yield batch;
      },
    };
  };
  return () => {
    isDeaf = false;
    store.watch = watch;
  };
}

const nodeIds = ["n1", "n2", "n3", "n4", "n5"];
const serviceIds = ["a", "b", "c", "d"];

function fill(tx: Transaction, random: SeededRandom): void {
  tx.put("cluster", aCluster());
  for (const id of nodeIds) tx.put("node", aNode({ id, labels: { disk: "ssd" } }));
  for (const id of serviceIds) {
    const constraints = random.chance(0.5) ? ["node.labels.disk==ssd"] : [];
    putService(tx, aService({ id, replicas: 3, restartDelayMs: 0, constraints }));
    for (let slot = 1; slot <= 3; slot += 1) makeTask(tx, random, id, slot);
  }
}

function makeTask(tx: Transaction, random: SeededRandom, serviceId: string, slot: number): void {
  const state = random.pick(["NEW", "PENDING", "RUNNING", "RUNNING", "FAILED", "SHUTDOWN"] as const) ?? "NEW";
  const isPlaced = state !== "NEW" && state !== "PENDING";
  const revision = tx.table("service").get(serviceId)?.revision ?? 1;
  const id = `${serviceId}-${slot}-${tx.revision}-${random.int(1e6)}`;
  const nodeId = isPlaced ? (random.pick(nodeIds) ?? "n1") : "";
  const desired = random.pick(["RUNNING", "RUNNING", "SHUTDOWN", "REMOVE"] as const) ?? "RUNNING";
  tx.put("task", aTask({ id, serviceId, slot, nodeId, state, revision, desired }));
}

type Write = (tx: Transaction, random: SeededRandom) => void;

/** What users, agents and the dispatcher write: the loops have their fields for themselves. */
const writes: readonly Write[] = [
  (tx, random) => onTask(tx, random, (task) => ends(tx, task, TaskState.FAILED)),
  (tx, random) => onTask(tx, random, (task) => ends(tx, task, TaskState.RUNNING)),
  (tx, random) => onTask(tx, random, (task) => ends(tx, task, TaskState.SHUTDOWN)),
  (tx, random) => onNode(tx, random, { availability: NodeAvailability.DRAIN }),
  (tx, random) => onNode(tx, random, { availability: NodeAvailability.ACTIVE }),
  (tx, random) => onNode(tx, random, { disk: random.pick(["ssd", "hdd"]) ?? "ssd" }),
  (tx, random) => onNode(tx, random, { state: NodeState.DOWN }),
  (tx, random) => onNode(tx, random, { state: NodeState.READY }),
  (tx, random) => tx.delete("node", random.pick(nodeIds) ?? "n1"),
  (tx, random) => onService(tx, random, (id) => tx.delete("service", id)),
  (tx, random) =>
    onService(tx, random, (id) =>
      putRevision(tx, id, aServiceSpec({ name: id, replicas: random.int(5), restartDelayMs: 0 })),
    ),
  (tx, random) => putService(tx, aService({ id: `new-${random.int(1e6)}`, replicas: 1 + random.int(3) })),
];

function change(tx: Transaction, random: SeededRandom): void {
  random.pick(writes)?.(tx, random);
}

function onTask(tx: Transaction, random: SeededRandom, then: (task: Task) => void): void {
  const task = random.pick([...tx.table("task").all()]);
  if (task) then(task);
}

/** As its agent would say: only of a task that is there, and let go. */
function ends(tx: Transaction, task: Task, state: TaskState): void {
  const now = wallTime(Date.UTC(2026, 0, 1));
  if (task.nodeId === "" || !task.status || task.status.state > TaskState.RUNNING) return;
  if (task.desiredState < TaskState.RUNNING) return;
  tx.setStatus(task.id, { ...task.status, state, timestamp: now, appliedAt: now });
}

function onNode(
  tx: Transaction,
  random: SeededRandom,
  { availability, disk, state }: { availability?: NodeAvailability; disk?: string; state?: NodeState },
): void {
  const node = tx.table("node").get(random.pick(nodeIds) ?? "n1");
  if (node?.spec === undefined || node.status === undefined) return;
  const labels = disk === undefined ? node.spec.annotations?.labels : { disk };
  tx.put("node", {
    ...node,
    spec: {
      ...node.spec,
      availability: availability ?? node.spec.availability,
      annotations: { name: "", ...node.spec.annotations, labels: labels ?? {} },
    },
    status: { ...node.status, state: state ?? node.status.state },
  });
}

function onService(tx: Transaction, random: SeededRandom, then: (id: string) => void): void {
  const service = random.pick([...tx.table("service").all()]);
  if (service) then(service.id);
}
