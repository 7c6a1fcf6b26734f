// The bare log: one member, in this process, on this disk. Entries a second at 1 and at 256 proposers, as they are and with a
// delay added to every sync. Run: node scripts/run.mjs bench/raft-log.ts [seconds per case]

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openDisk, systemClock, systemRandom } from "../src/base/host/index.js";
import { type Clock, type Disk, type DiskFile, silentLog, silentMetrics, sleep } from "../src/base/index.js";
import { aesSealer, nextTurn } from "../src/raft/host/index.js";
import { RaftMember, type StateMachine } from "../src/raft/index.js";

const entryBytes = 256;
const warmUpSeconds = 1;
const rounds = 5;
const seconds = Number(process.argv[2] ?? 5);

/** Counts, and forgets. */
class Counting implements StateMachine {
  applied = 0;
  apply(): void {
    this.applied += 1;
  }
  snapshot(): Iterable<Uint8Array> {
    return [new Uint8Array(64)];
  }
  async restore(): Promise<void> {}
}

/** The disk with `delayMs` before every file sync. */
function delayed(disk: Disk, clock: Clock, delayMs: number): Disk {
  const slow = (file: DiskFile): DiskFile => ({
    write: (data, offset) => file.write(data, offset),
    read: (length, offset) => file.read(length, offset),
    size: () => file.size(),
    truncate: (length) => file.truncate(length),
    sync: async () => {
      await sleep(clock, delayMs);
      await file.sync();
    },
    close: () => file.close(),
  });
  return {
    open: async (name, options) => slow(await disk.open(name, options)),
    readFile: (name) => disk.readFile(name),
    replaceFile: (name, data) => disk.replaceFile(name, data),
    list: (folder) => disk.list(folder),
    makeFolder: (folder) => disk.makeFolder(folder),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncFolder: (folder) => disk.syncFolder(folder),
  };
}

interface Figures {
  /** Entries a second, of each round. */
  readonly rates: readonly number[];
  readonly latenciesMs: readonly number[];
}

async function measure(root: string, proposers: number, delayMs: number): Promise<Figures> {
  const disk = openDisk(fs.mkdtempSync(path.join(root, "log-")));
  const machine = new Counting();
  const member = new RaftMember(
    { id: 1, folder: "raft", bootstrap: true },
    {
      disk: delayMs > 0 ? delayed(disk, systemClock, delayMs) : disk,
      sealer: aesSealer(new Uint8Array(32)),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: silentMetrics,
      stateMachine: machine,
      nextTurn,
    },
  );
  const term = await new Promise<number>((resolve, reject) => {
    member.onFatal(reject);
    member.onLeadership((change) => resolve(change.term));
    member.start().catch(reject);
  });
  const figures = await load(member, machine, term, proposers);
  await member.stop();
  return figures;
}

async function load(member: RaftMember, machine: Counting, term: number, proposers: number): Promise<Figures> {
  const data = new Uint8Array(entryBytes).fill(7);
  const latenciesMs: number[] = [];
  let isRunning = true;
  const propose = async (): Promise<void> => {
    while (isRunning) {
      const startedMs = performance.now();
      await member.propose(data, term);
      latenciesMs.push(performance.now() - startedMs);
    }
  };
  const all = Promise.all(Array.from({ length: proposers }, propose));
  await sleep(systemClock, warmUpSeconds * 1000);
  latenciesMs.length = 0;
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [applied, startedMs] = [machine.applied, performance.now()];
    await sleep(systemClock, (seconds * 1000) / rounds);
    rates.push(((machine.applied - applied) * 1000) / (performance.now() - startedMs));
  }
  isRunning = false;
  await all;
  return { rates, latenciesMs };
}

/** Median milliseconds of a bare overwrite and its fdatasync, one after the other on this thread. */
function bareSyncMs(root: string): number {
  const fd = fs.openSync(path.join(root, "bare"), "w+", 0o600);
  fs.writeSync(fd, new Uint8Array(1 << 20));
  fs.fdatasyncSync(fd);
  const times = Array.from({ length: 1000 }, (_, at) => {
    const startedMs = performance.now();
    fs.writeSync(fd, new Uint8Array(entryBytes), 0, entryBytes, at * entryBytes);
    fs.fdatasyncSync(fd);
    return performance.now() - startedMs;
  });
  fs.closeSync(fd);
  return quantile(times, 0.5);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

const root = fs.mkdtempSync(path.join(process.env["SKEP_BENCH_DIR"] ?? os.tmpdir(), "skep-raft-log-"));
try {
  console.log(`raft log, one member, ${entryBytes}-byte entries, encrypted, group commit; node ${process.version}`);
  console.log(`this disk: write + fdatasync ${bareSyncMs(root).toFixed(3)} ms (median of 1,000, ${root})`);
  console.log("proposers  added sync  entries/s (median of 5)   latency p50      p99");
  for (const proposers of [1, 256]) {
    for (const delayMs of [0, 2, 10]) {
      const { rates, latenciesMs } = await measure(root, proposers, delayMs);
      console.log(
        [
          String(proposers).padStart(9),
          `${delayMs} ms`.padStart(11),
          Math.round(quantile(rates, 0.5)).toLocaleString("en").padStart(24),
          `${quantile(latenciesMs, 0.5).toFixed(2)} ms`.padStart(13),
          `${quantile(latenciesMs, 0.99).toFixed(2)} ms`.padStart(10),
        ].join(" "),
      );
    }
  }
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
