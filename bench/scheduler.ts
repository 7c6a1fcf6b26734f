// Placements a second by the scheduler alone, its store transactions included: `node scripts/run.mjs bench/scheduler.ts`
// for all cases, or with the name of one. As the original's benchmark does it: the scheduler runs and knows its nodes, the
// PENDING tasks are in the store, the clock starts, and it stops when every task is ASSIGNED in the store. How long it took
// to know its nodes is shown beside it. Smaller runs before let the code be compiled. CPU is that of the process, all threads; the rate is by wall clock.

import { spawnSync } from "node:child_process";
import { systemClock } from "../src/base/host/index.js";
import { silentLog, silentMetrics, wallTime } from "../src/base/index.js";
import { type Task, TaskState } from "../src/gen/skep/v1/objects.js";
import { newTask } from "../src/model/index.js";
import { nextTurn } from "../src/raft/host/index.js";
import { Scheduler } from "../src/scheduler/index.js";
import { encodeEntry, encodeTransaction } from "../src/store/entry.js";
import { type Rows, Store, type TableName } from "../src/store/index.js";
import { aNode, aService } from "../test/support/memory.js";
import { type Turns, watchTurns } from "./support/turns.js";

interface Case {
  readonly nodes: number;
  readonly services: number;
  readonly tasksEach: number;
  /** `half`: one constraint half of the nodes satisfy; `few`: ten of them; `one`: each service is pinned to a node. */
  readonly constraint?: "half" | "few" | "one";
  /** Reservations of different sizes, so that nodes fill up. */
  readonly reserves?: boolean;
  /** Spread over racks. */
  readonly spread?: boolean;
}

const cases: Readonly<Record<string, Case>> = {
  "1000x1000": { nodes: 1_000, services: 1_000, tasksEach: 1 },
  "1000x10000": { nodes: 1_000, services: 10_000, tasksEach: 1 },
  "1000x100000": { nodes: 1_000, services: 100_000, tasksEach: 1 },
  "1000x1000-half": { nodes: 1_000, services: 1_000, tasksEach: 1, constraint: "half" },
  "1000x10000-half": { nodes: 1_000, services: 10_000, tasksEach: 1, constraint: "half" },
  "1000x100000-half": { nodes: 1_000, services: 100_000, tasksEach: 1, constraint: "half" },
  "1000x10000-few": { nodes: 1_000, services: 10_000, tasksEach: 1, constraint: "few" },
  "1000x10000-one": { nodes: 1_000, services: 10_000, tasksEach: 1, constraint: "one" },
  "1000x10000-reserves": { nodes: 1_000, services: 10_000, tasksEach: 1, reserves: true },
  "1000x10000-spread": { nodes: 1_000, services: 10_000, tasksEach: 1, spread: true },
  "1000x100x100": { nodes: 1_000, services: 100, tasksEach: 100 },
  "1000x1x10000": { nodes: 1_000, services: 1, tasksEach: 10_000 },
  "10000x1000": { nodes: 10_000, services: 1_000, tasksEach: 1 },
  "10000x1000-few": { nodes: 10_000, services: 1_000, tasksEach: 1, constraint: "few" },
  "100000x1000": { nodes: 100_000, services: 1_000, tasksEach: 1 },
  "100000x1000-half": { nodes: 100_000, services: 1_000, tasksEach: 1, constraint: "half" },
  "100000x1000-few": { nodes: 100_000, services: 1_000, tasksEach: 1, constraint: "few" },
  "100000x1000-one": { nodes: 100_000, services: 1_000, tasksEach: 1, constraint: "one" },
  "10000x1000000": { nodes: 10_000, services: 10_000, tasksEach: 100 },
};

/** Runs before the one that counts, of 5,000 tasks at most. */
const warmUps = 4;

const [wanted] = process.argv.slice(2);
const chosen = wanted === undefined ? undefined : cases[wanted];
if (wanted === undefined) for (const name of Object.keys(cases)) runAlone(name);
else if (chosen === undefined) console.error(`cases: ${Object.keys(cases).join(" ")}`);
else {
  // Compiled first, as the original is before it starts: a leader has run for a while.
  for (let n = 0; n < warmUps; n++) await measure(wanted, small(chosen));
  console.log(await measure(wanted, chosen));
}

function small({ nodes, services, tasksEach, ...rest }: Case): Case {
  const few = Math.min(services, Math.ceil(5_000 / tasksEach));
  return { ...rest, nodes: Math.min(nodes, 1_000), services: few, tasksEach: Math.min(tasksEach, 5_000) };
}

/** In a process of its own, so that its peak memory is its own. */
function runAlone(name: string): void {
  spawnSync(process.execPath, [process.argv[1] ?? "", name], { stdio: "inherit" });
}

async function measure(name: string, each: Case): Promise<string> {
  const { store, fill } = openStore();
  const { services, tasksEach } = each;
  const total = services * tasksEach;
  const stop = new AbortController();
  const modules = {
    store,
    writer: store.lead(1),
    clock: systemClock,
    log: silentLog,
    metrics: silentMetrics,
    nextTurn,
  };
  fillNodes(fill, each);
  // One task before all others: once it is placed, the scheduler knows its nodes.
  fill("revision", [aService({ id: "probe" }).revision]);
  fill("task", [pending("probe", "probe", 1, wallTime(systemClock.now()))]);
  const gaps = watchTurns();
  const loading = startWatch(gaps);
  const scheduler = new Scheduler({}, modules);
  const run = scheduler.run(stop.signal).catch(() => undefined);
  await allAssigned(store, 1, stop.signal);
  const loaded = loading();
  fillTasks(fill, each);
  const placing = startWatch(gaps);
  await allAssigned(store, total, stop.signal);
  const placed = placing();
  stop.abort(new Error("measured"));
  gaps.stop();
  await run;
  const rate = Math.round(total / placed.seconds).toLocaleString("en");
  const byCpu = Math.round(total / placed.cpu).toLocaleString("en");
  const micros = ((placed.cpu / total) * 1e6).toFixed(1);
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  return (
    `${name.padEnd(20)} ${rate.padStart(8)}/s  by CPU ${byCpu.padStart(8)}/s (${micros} µs)  longest turn ${placed.gap.toFixed(0).padStart(3)} ms  ` +
    `nodes known in ${loaded.seconds.toFixed(2)} s, longest turn ${loaded.gap.toFixed(0)} ms  peak ${peak} MiB`
  );
}

function startWatch(turns: Turns): () => { readonly seconds: number; readonly cpu: number; readonly gap: number } {
  const startedAt = performance.now();
  const cpuAt = process.cpuUsage();
  turns.restart();
  return () => {
    const { user, system } = process.cpuUsage(cpuAt);
    return { seconds: (performance.now() - startedAt) / 1000, cpu: (user + system) / 1e6, gap: turns.longestMs };
  };
}

type Fill = <T extends TableName>(table: T, rows: readonly Rows[T][]) => void;

/** A store whose log commits in the next turn of the event loop; `fill` puts rows in at once, as entries of another leader. */
function openStore(): { store: Store; fill: Fill } {
  const log = {
    propose: async (data: Uint8Array, term: number): Promise<void> => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      store.apply({ term, data });
    },
  };
  const store: Store = new Store({}, { clock: systemClock, log, metrics: silentMetrics, nextTurn });
  const fill: Fill = (table, rows) => {
    for (let at = 0; at < rows.length; at += 1_000) {
      const meta = { version: store.revision + 1, createdAt: undefined, updatedAt: undefined };
      const changes = rows.slice(at, at + 1_000).map((row) => ({ kind: "put", table, row: { ...row, meta } }) as never);
      store.apply({ term: 0, data: encodeEntry(store.revision, [encodeTransaction(changes)]) });
    }
  };
  return { store, fill };
}

function fillNodes(fill: Fill, { nodes, reserves = false }: Case): void {
  const few = Math.max(1, nodes / 10);
  const row = (n: number) =>
    aNode({
      id: nodeId(n),
      hostname: `node-${n}`,
      labels: { half: String(n % 2), few: String(n % few), rack: String(n % 20) },
      nanoCpus: reserves ? 40e9 : 4e9,
    });
  fill(
    "node",
    Array.from({ length: nodes }, (_, n) => row(n)),
  );
}

/** As random as Skep's own, and the same in each run. */
function nodeId(n: number): string {
  return [1, 2, 3, 4]
    .map((k) => (((n + k) * 2_654_435_761) % 2 ** 32).toString(36).padStart(7, "0"))
    .join("")
    .slice(0, 25);
}

function fillTasks(fill: Fill, each: Case): void {
  const { services, tasksEach, nodes, constraint, reserves = false, spread = false } = each;
  const now = wallTime(systemClock.now());
  const constraints = { half: () => "node.labels.half==1", few: () => "node.labels.few==7", one: pinned };
  function pinned(s: number): string {
    return `node.hostname==node-${s % nodes}`;
  }
  const preferences = spread ? [{ spread: "node.labels.rack" }] : [];
  for (let from = 0; from < services; from += 1_000) {
    const some = Array.from({ length: Math.min(1_000, services - from) }, (_, n) => from + n);
    fill(
      "revision",
      some.map((s) => {
        const placement = { constraints: constraint ? [constraints[constraint](s)] : [], preferences };
        const resources = { reservations: { nanoCpus: reserves ? 1e9 * (1 + (s % 5)) : 0 } };
        return aService({ id: `service-${s}`, spec: { task: { placement, resources } } }).revision;
      }),
    );
    for (const s of some.filter((_, n) => n % 10 === 0)) {
      const group = some.slice(s - from, s - from + 10);
      const slots = Array.from({ length: tasksEach }, (_, n) => n + 1);
      fill(
        "task",
        group.flatMap((service) =>
          slots.map((slot) => pending(`task-${service}-${slot}`, `service-${service}`, slot, now)),
        ),
      );
    }
  }
}

function pending(id: string, serviceId: string, slot: number, now: ReturnType<typeof wallTime>): Task {
  const task = newTask({ id, serviceId, revision: 1, slot, now });
  const status = task.status && { ...task.status, state: TaskState.PENDING };
  return { ...task, status };
}

async function allAssigned(store: Store, total: number, signal: AbortSignal): Promise<void> {
  let assigned = 0;
  for await (const batch of store.watch({ tables: ["task"], max: total * 2 }, signal)) {
    for (const { row } of batch.changes) if (row && "nodeId" in row && row.nodeId !== "") assigned += 1;
    if (assigned >= total) return;
  }
}
