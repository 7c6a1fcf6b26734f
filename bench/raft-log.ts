// The log on this disk, 256-byte entries: writes a second at 1 and at 256 writers, as it is and with a delay added to every
// sync. One member alone; three in three processes over mutual TLS; the same asked over gRPC, on streams and with one Put a
// write; and etcd (three members, of Debian's etcd-server, installed if need be) driven by that very load generator.
//   node scripts/run.mjs bench/raft-log.ts [--only alone,three,streams,put,etcd] [--delays 0,2,10] [--writers 1,256]
//     [--passes N] [--rounds N a pass] [--seconds N a pass] [--cpu-prof FOLDER]
// On a machine that others use too, `chrt --rr 1` before it makes figures that can be compared.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { openDisk, systemClock, systemRandom } from "../src/base/host/index.js";
import { silentLog, silentMetrics } from "../src/base/index.js";
import { aesSealer, nextTurn } from "../src/raft/host/index.js";
import { RaftMember } from "../src/raft/index.js";
import { etcdTrio } from "./support/etcd.js";
import { type Figures, load, quantile } from "./support/load.js";
import { PutClients, putRequest } from "./support/put.js";
import { Counting, memberRole, runMemberProcess } from "./support/raft-process.js";
import { raftTrio, type Trio } from "./support/raft-trio.js";
import { delayed } from "./support/slow-disk.js";

const entryBytes = 256;
const warmUpSeconds = 5;
const connections = 4;

interface Noted extends Figures {
  readonly note?: string;
}

/** One way to write, measured at a number of writers and a delay. */
type Case = (root: string, writers: number, delayMs: number) => Promise<Noted>;

const { values } = parseArgs({
  // The program is a member's process too.
  args: process.argv[2] === memberRole ? [] : process.argv.slice(2),
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    passes: { type: "string", default: "3" },
    only: { type: "string" },
    delays: { type: "string", default: "0,2,10" },
    writers: { type: "string", default: "1,256" },
    "cpu-prof": { type: "string" },
  },
});
const rounds = Number(values.rounds);
const loadOptions = (workers: number) => ({ workers, rounds, warmUpSeconds, seconds: Number(values.seconds) });
const nodeFlags = values["cpu-prof"] === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", values["cpu-prof"]];

const cases: Readonly<Record<string, { readonly title: string; readonly run: Case; readonly canDelay: boolean }>> = {
  alone: { title: "one member, in-process", run: alone, canDelay: true },
  three: { title: "three processes, writers in the leader's", run: three, canDelay: true },
  streams: { title: "three processes, puts on gRPC streams", run: streams, canDelay: true },
  put: { title: "three processes, one gRPC Put a write", run: put, canDelay: true },
  etcd: { title: "etcd, three processes, one gRPC Put a write", run: etcd, canDelay: false },
};

async function alone(root: string, writers: number, delayMs: number): Promise<Figures> {
  const disk = openDisk(root);
  const member = new RaftMember(
    { id: 1, folder: "raft", bootstrap: true },
    {
      disk: delayMs > 0 ? delayed(disk, systemClock, delayMs) : disk,
      sealer: aesSealer(new Uint8Array(32)),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: silentMetrics,
      stateMachine: new Counting(),
      nextTurn,
    },
  );
  const term = await new Promise<number>((resolve, reject) => {
    member.onFatal(reject);
    member.onLeadership((change) => resolve(change.term));
    member.start().catch(reject);
  });
  const data = new Uint8Array(entryBytes).fill(7);
  const figures = await load(loadOptions(writers), () => member.propose(data, term));
  await member.stop();
  return figures;
}

async function three(root: string, writers: number, delayMs: number): Promise<Noted> {
  const trio = await raftTrio(root, delayMs, nodeFlags);
  const load = () => trio.leader.ask("load", { ...loadOptions(writers), bytes: entryBytes });
  const figures = await withProcessorTime(trio, load);
  await trio.end();
  return figures;
}

function put(root: string, writers: number, delayMs: number): Promise<Noted> {
  return overGrpc(root, delayMs, { writers, onStreams: false });
}

function streams(root: string, writers: number, delayMs: number): Promise<Noted> {
  return overGrpc(root, delayMs, { writers, onStreams: true });
}

interface PutLoad {
  readonly writers: number;
  readonly onStreams: boolean;
}

async function overGrpc(root: string, delayMs: number, puts: PutLoad): Promise<Noted> {
  const trio = await raftTrio(root, delayMs, nodeFlags);
  const addr = await trio.leader.ask("servePuts");
  const figures = await withProcessorTime(trio, () => putLoad(addr, puts));
  await trio.end();
  return figures;
}

async function etcd(root: string, writers: number): Promise<Figures> {
  const trio = await etcdTrio(root);
  const figures = await putLoad(trio.leaderAddr, { writers, onStreams: false });
  await trio.end();
  return figures;
}

/** What a write costs each process, besides: less at the mercy of who else uses the machine. */
async function withProcessorTime(trio: Trio, load: () => Promise<Figures>): Promise<Noted> {
  const used = async (): Promise<number[]> => {
    const own = process.cpuUsage();
    const seconds = [(own.user + own.system) / 1e6];
    for (const member of trio.members) seconds.push(await member.ask("cpuSeconds"));
    return seconds;
  };
  const before = await used();
  const figures = await load();
  const after = await used();
  const [own = 0, leader = 0, ...followers] = after.map(
    (now, at) => ((now - (before[at] ?? 0)) * 1e6) / figures.writes,
  );
  const micros = [leader, ...followers, own].map((each) => each.toFixed(1)).join(" ");
  return { ...figures, note: `µs a write, leader, followers, bench: ${micros}` };
}

/** The one load generator: puts over plain HTTP/2. */
async function putLoad(addr: string, { writers, onStreams }: PutLoad): Promise<Figures> {
  const clients = new PutClients(addr, credentials.createInsecure(), { connections, onStreams });
  const requests = Array.from({ length: writers }, (_, worker) => putRequest(`key-${worker}`, entryBytes));
  const figures = await load(loadOptions(writers), (worker) =>
    clients.put(worker, requests[worker] ?? Buffer.alloc(0)),
  );
  clients.close();
  return figures;
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

async function main(): Promise<void> {
  const root = fs.mkdtempSync(path.join(process.env["SKEP_BENCH_DIR"] ?? os.tmpdir(), "skep-raft-log-"));
  try {
    const cpus = os.cpus();
    console.log(
      `node ${process.version}, ${cpus.length} × ${cpus[0]?.model ?? "?"}, ${entryBytes}-byte entries, encrypted`,
    );
    console.log(`this disk: write + fdatasync ${bareSyncMs(root).toFixed(3)} ms (median of 1,000, ${root})`);
    for (const delayMs of values.delays.split(",").map(Number)) {
      for (const writers of values.writers.split(",").map(Number)) await compare(root, writers, delayMs);
    }
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** All cases in turn, again and again, so that each meets the machine's good and bad moments; then a line for each. */
async function compare(root: string, writers: number, delayMs: number): Promise<void> {
  const chosen = Object.entries(cases).filter(
    ([name, { canDelay }]) => (values.only?.split(",").includes(name) ?? true) && (canDelay || delayMs === 0),
  );
  const passes = chosen.map((): Noted[] => []);
  for (let pass = 0; pass < Number(values.passes); pass += 1) {
    for (const [at, [name, { run }]] of chosen.entries()) {
      passes[at]?.push(await run(fs.mkdtempSync(path.join(root, `${name}-`)), writers, delayMs));
    }
  }
  console.log(
    `\n${writers} writers, ${delayMs} ms added to each sync, load of the machine ${os.loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`  writes/s ${"(rounds)".padEnd(48)}     p50       p99`);
  for (const [at, [, { title }]] of chosen.entries()) console.log(line(title, passes[at] ?? []));
  const [ours, theirs] = ["put", "etcd"].map((name) => passes[chosen.findIndex(([each]) => each === name)]);
  if (ours && theirs)
    console.log(`  a gRPC Put a write, ours to etcd's: ${(rateOf(ours) / rateOf(theirs)).toFixed(2)}`);
}

const rateOf = (passes: readonly Noted[]): number =>
  quantile(
    passes.flatMap(({ rates }) => rates),
    0.5,
  );
const whole = (rate: number): string => Math.round(rate).toLocaleString("en");

function line(title: string, passes: readonly Noted[]): string {
  const all = passes.flatMap(({ rates }) => rates.map(whole)).join(" ");
  const middle = (of: (figures: Noted) => number): string => quantile(passes.map(of), 0.5).toFixed(2).padStart(7);
  const note = passes.at(-1)?.note ?? "";
  const latencies = `${middle(({ p50Ms }) => p50Ms)} ms${middle(({ p99Ms }) => p99Ms)} ms`;
  return `${whole(rateOf(passes)).padStart(10)} ${`(${all})`.padEnd(48)} ${latencies}  ${title}${note && ` (${note})`}`;
}

if (process.argv[2] === memberRole) runMemberProcess();
else await main();
