// Placements a second by the scheduler alone, its store transactions included: `node scripts/run.mjs bench/scheduler.ts`.
// Nodes and PENDING tasks are there when the clock starts; it stops when every task is ASSIGNED in the store.

import { systemClock } from "../src/base/host/index.js";
import { silentLog, silentMetrics, wallTime } from "../src/base/index.js";
import { type Node, type Revision, type Task, TaskState } from "../src/gen/skep/v1/objects.js";
import { newTask } from "../src/model/index.js";
import { Scheduler } from "../src/scheduler/index.js";
import { Store, type Writer } from "../src/store/index.js";
import { aNode, aService } from "../test/support/memory.js";

interface Case {
  readonly nodes: number;
  readonly services: number;
  readonly tasksEach: number;
  readonly constrained?: boolean;
}

const cases: readonly Case[] = [
  { nodes: 1_000, services: 1_000, tasksEach: 1 },
  { nodes: 1_000, services: 10_000, tasksEach: 1 },
  { nodes: 1_000, services: 10_000, tasksEach: 1, constrained: true },
  { nodes: 1_000, services: 100, tasksEach: 100 },
  { nodes: 1_000, services: 1, tasksEach: 10_000 },
  { nodes: 100_000, services: 1_000, tasksEach: 1 },
];

for (const each of cases) console.log(await measure(each));

async function measure(each: Case): Promise<string> {
  const { nodes, services, tasksEach, constrained = false } = each;
  const { store, writer } = openStore();
  await fill(writer, each);
  const total = services * tasksEach;
  const stop = new AbortController();
  const scheduler = new Scheduler({}, { store, writer, clock: systemClock, log: silentLog, metrics: silentMetrics });
  const startedAt = performance.now();
  const done = allAssigned(store, total, stop.signal);
  const run = scheduler.run(stop.signal).catch(() => undefined);
  await done;
  const seconds = (performance.now() - startedAt) / 1000;
  stop.abort(new Error("measured"));
  await run;
  const what = `${nodes} nodes, ${services} × ${tasksEach} tasks${constrained ? ", constrained" : ""}`;
  return `${what.padEnd(48)} ${Math.round(total / seconds)
    .toString()
    .padStart(8)} placements/s (${seconds.toFixed(3)} s)`;
}

function openStore(): { store: Store; writer: Writer } {
  const log = {
    propose: (data: Uint8Array, term: number): Promise<void> => {
      store.apply({ term, data });
      return Promise.resolve();
    },
  };
  const store: Store = new Store({}, { clock: systemClock, log, metrics: silentMetrics });
  return { store, writer: store.lead(1) };
}

async function fill(writer: Writer, { nodes, services, tasksEach, constrained = false }: Case): Promise<void> {
  const rows: Node[] = Array.from({ length: nodes }, (_, n) =>
    aNode({ id: `node-${n}`, labels: { half: String(n % 2) } }),
  );
  await inChunks(rows, (tx, row) => tx.put("node", row), writer);
  const revisions: Revision[] = [];
  const tasks: Task[] = [];
  const now = wallTime(systemClock.now());
  for (let s = 0; s < services; s++) {
    const built = aService({ id: `service-${s}`, constraints: constrained ? ["node.labels.half==1"] : [] });
    revisions.push(built.revision);
    for (let slot = 1; slot <= tasksEach; slot++) tasks.push(pending(`task-${s}-${slot}`, `service-${s}`, slot, now));
  }
  await inChunks(revisions, (tx, row) => tx.put("revision", row), writer);
  await inChunks(tasks, (tx, row) => tx.put("task", row), writer);
}

function pending(id: string, serviceId: string, slot: number, now: ReturnType<typeof wallTime>): Task {
  const task = newTask({ id, serviceId, revision: 1, slot, now });
  const status = task.status && { ...task.status, state: TaskState.PENDING };
  return { ...task, status };
}

async function inChunks<T>(
  rows: readonly T[],
  write: (tx: Parameters<Parameters<Writer["update"]>[0]>[0], row: T) => void,
  writer: Writer,
): Promise<void> {
  for (let at = 0; at < rows.length; at += 1_000) {
    await writer.update((tx) => {
      for (const row of rows.slice(at, at + 1_000)) write(tx, row);
    });
  }
}

async function allAssigned(store: Store, total: number, signal: AbortSignal): Promise<void> {
  let assigned = 0;
  for await (const batch of store.watch({ tables: ["task"], max: total * 2 }, signal)) {
    for (const { row } of batch.changes) if (row && "nodeId" in row && row.nodeId !== "") assigned += 1;
    if (assigned >= total) return;
  }
}
