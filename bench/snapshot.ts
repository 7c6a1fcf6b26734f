// The loop while a large snapshot is made, sent and installed: a real store of 100,000 tasks over real members on this disk,
// encrypted, with a write every few milliseconds all the time. Nothing may hold the loop for 20 ms.
// Run: node scripts/run.mjs bench/snapshot.ts [tasks]

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openDisk, systemClock, systemRandom } from "../src/base/host/index.js";
import { silentLog, silentMetrics, sleep, wallTime } from "../src/base/index.js";
import { ConfChangeKind } from "../src/gen/skep/raft/v1/raft.js";
import { TaskState } from "../src/gen/skep/v1/objects.js";
import { newTask } from "../src/model/index.js";
import { aesSealer, nextTurn } from "../src/raft/host/index.js";
import { RaftMember, type Transport } from "../src/raft/index.js";
import { Store, type Writer } from "../src/store/index.js";
import { aNode, aService } from "../test/support/memory.js";

const tasks = Number(process.argv[2] ?? 100_000);
const tasksEach = 100;
const writeEveryMs = 5;
/** So many entries after the last snapshot the next one is made: more than the filling takes. */
const snapshotEntries = 600;

/** Milliseconds of CPU this thread has had: what others took from a busy machine is not in it. Zero where /proc is not there. */
function threadCpuMs(): number {
  try {
    return Number(fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ")[0]) / 1e6;
  } catch {
    return 0;
  }
}

/** How long the loop was not free, from one turn to the next. */
class Stalls {
  #worst = { wallMs: 0, cpuMs: 0 };
  #over20 = { wall: 0, cpu: 0 };
  #last = { wallMs: performance.now(), cpuMs: threadCpuMs() };

  constructor() {
    this.#turn();
  }

  #turn(): void {
    setTimeout(() => {
      const now = { wallMs: performance.now(), cpuMs: threadCpuMs() };
      const [wallMs, cpuMs] = [now.wallMs - this.#last.wallMs, now.cpuMs - this.#last.cpuMs];
      this.#last = now;
      this.#worst = { wallMs: Math.max(wallMs, this.#worst.wallMs), cpuMs: Math.max(cpuMs, this.#worst.cpuMs) };
      if (wallMs > 20) this.#over20.wall += 1;
      if (cpuMs > 20) this.#over20.cpu += 1;
      this.#turn();
    }, 0).unref();
  }

  take(): string {
    const { wallMs, cpuMs } = this.#worst;
    const { wall, cpu } = this.#over20;
    this.#worst = { wallMs: 0, cpuMs: 0 };
    this.#over20 = { wall: 0, cpu: 0 };
    return `longest turn ${cpuMs.toFixed(1)} ms of its own, ${wallMs.toFixed(1)} ms by the clock (${cpu} and ${wall} over 20 ms)`;
  }
}

interface End {
  readonly id: number;
  readonly member: RaftMember;
  readonly store: Store;
  readonly folder: string;
}

const root = fs.mkdtempSync(path.join(process.env["SKEP_BENCH_DIR"] ?? os.tmpdir(), "skep-snapshot-"));
const ends = new Map<number, End>();

function transport(): Transport {
  return {
    send: (messages) => messages.forEach((message) => setImmediate(() => ends.get(message.to)?.member.step(message))),
    sendSnapshot: async (message, chunks) => await ends.get(message.to)?.member.receiveSnapshot(message, chunks),
    probe: async () => "unknown",
  };
}

function open(id: number, folder = fs.mkdtempSync(path.join(root, "member-"))): End {
  const store: Store = new Store(
    {},
    {
      ...{ clock: systemClock, metrics: silentMetrics },
      log: { propose: (data, term) => member.propose(data, term) },
    },
  );
  const member: RaftMember = new RaftMember(
    { id, folder: "raft", bootstrap: id === 1, join: id !== 1, snapshotEntries },
    {
      ...{ disk: openDisk(folder), sealer: aesSealer(new Uint8Array(32)), clock: systemClock, random: systemRandom },
      ...{ log: silentLog, metrics: silentMetrics, nextTurn, transport: transport() },
      stateMachine: {
        apply: (entry) => store.apply(entry),
        snapshot: () => store.snapshot(),
        restore: (chunks) => store.restore(chunks),
      },
    },
  );
  const end = { id, member, store, folder };
  ends.set(id, end);
  return end;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > 120_000) throw new Error(`waited too long for ${what}`);
    await sleep(systemClock, 2);
  }
}

async function inBatches<T>(
  writer: Writer,
  rows: readonly T[],
  put: (writer: Writer, rows: readonly T[]) => Promise<void>,
) {
  for (let at = 0; at < rows.length; at += 1_000) await put(writer, rows.slice(at, at + 1_000));
}

async function fill(writer: Writer): Promise<void> {
  const now = wallTime(systemClock.now());
  const services = Array.from({ length: tasks / tasksEach }, (_, at) => aService({ id: `service-${at}` }));
  const all = services.flatMap((_, at) =>
    Array.from({ length: tasksEach }, (_none, slot) => {
      const task = newTask({ id: `task-${at}-${slot}`, serviceId: `service-${at}`, revision: 1, slot: slot + 1, now });
      const status = task.status && {
        ...task.status,
        state: TaskState.RUNNING,
        message: "started",
        container: { containerId: "0123456789abcdef".repeat(4), pid: 4711, exitCode: 0 },
      };
      return { ...task, ...(status ? { status } : {}), nodeId: `node-${slot}`, desiredState: TaskState.RUNNING };
    }),
  );
  await inBatches(
    writer,
    Array.from({ length: tasksEach }, (_, at) => aNode({ id: `node-${at}` })),
    (to, rows) => to.update((tx) => rows.forEach((row) => tx.put("node", row))),
  );
  await inBatches(writer, services, (to, rows) =>
    to.update((tx) => {
      for (const { service, revision } of rows) {
        tx.put("service", service);
        tx.put("revision", revision);
      }
    }),
  );
  await inBatches(writer, all, (to, rows) => to.update((tx) => rows.forEach((row) => tx.put("task", row))));
}

/** A small write now and then, as in a running swarm; the longest one is told. */
function keepWriting(store: Store, writer: Writer) {
  let [isRunning, longestMs, count] = [true, 0, 0];
  const done = (async () => {
    while (isRunning) {
      await sleep(systemClock, writeEveryMs);
      const startedMs = performance.now();
      await writer.update((tx) => {
        const node = store.table("node").get(`node-${count % tasksEach}`);
        if (node) tx.put("node", { ...node, spec: { ...node.spec, labels: { count: String(count) } } } as typeof node);
      });
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      count += 1;
    }
  })();
  const take = (): string => {
    const told = `longest write ${longestMs.toFixed(1)} ms of ${count}`;
    [longestMs, count] = [0, 0];
    return told;
  };
  const stop = async (): Promise<void> => {
    isRunning = false;
    await done;
  };
  return { take, stop };
}

try {
  const leader = open(1);
  const leading = new Promise<number>((resolve) => leader.member.onLeadership(({ term }) => resolve(term)));
  await leader.member.start();
  const term = await leading;
  const writer = leader.store.lead(term);
  await fill(writer);
  await sleep(systemClock, 1000);
  console.log(`${leader.store.table("task").size} tasks; ${process.version}, ${root}`);

  const stalls = new Stalls();
  const writing = keepWriting(leader.store, writer);
  await sleep(systemClock, 1000);
  const report = (what: string, ms?: number): void =>
    console.log(
      `${what.padEnd(26)} ${ms === undefined ? "" : `${ms.toFixed(0)} ms; `}${stalls.take()}; ${writing.take()}`,
    );
  report("writes alone");

  const before = leader.member.status.snapshotIndex;
  await until("the next one is due", () => leader.member.status.applied >= before + snapshotEntries - 3);
  report("writes alone");
  let startedMs = performance.now();
  await until("a snapshot", () => leader.member.status.snapshotIndex > before);
  report("making a snapshot", performance.now() - startedMs);
  const { size } = fs.statSync(path.join(leader.folder, "raft", "snapshot"));
  console.log(`  it has ${(size / 2 ** 20).toFixed(1)} MiB`);

  startedMs = performance.now();
  const joiner = open(2);
  await joiner.member.start();
  await leader.member.proposeConfChange({ kind: ConfChangeKind.ADD_LEARNER, member: 2 }, term);
  await until("the snapshot is taken", () => joiner.member.status.snapshotIndex > 0);
  await until("it has caught up", () => joiner.member.status.applied >= leader.member.status.applied - 2);
  report("sending and installing", performance.now() - startedMs);
  console.log(`  the joiner has ${joiner.store.table("task").size} tasks`);

  await writing.stop();
  for (const { member } of ends.values()) await member.stop();
  startedMs = performance.now();
  stalls.take();
  const again = open(2, joiner.folder);
  await again.member.start();
  console.log(`${"starting from it".padEnd(26)} ${(performance.now() - startedMs).toFixed(0)} ms; ${stalls.take()}`);
  await again.member.stop();
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
process.exit(0);
