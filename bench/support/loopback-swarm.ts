// Managers and many nodes as processes on this machine's loopback, for a bench that runs in the midst of them.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { eventually } from "../../test/e2e/support/eventually.js";
import { formManagers, joinTokens, LoopbackManager } from "./loopback-manager.js";
import { workerProcess } from "./worker-process.js";

/** A thousand nodes make their certificates and join two at a time. */
const joinedMs = 300_000;
/** Lines of each manager's log that a failed run shows. */
const complaintsMax = 20;

export type Workers = readonly ReturnType<typeof workerProcess>[];

export interface LoopbackSwarmOptions {
  /** Of the folder below SKEP_BENCH_DIR, or the system's for what is temporary. */
  readonly prefix: string;
  readonly managers: number;
  readonly nodes: number;
  /** Processes they live in. */
  readonly hosts: number;
  /** Arguments of node for the process of this name: "m1" … are managers, "workers-1" … hold nodes. */
  readonly nodeFlags: (name: string) => readonly string[];
}

export interface LoopbackSwarm {
  readonly managers: readonly LoopbackManager[];
  readonly workers: Workers;
}

/** Runs when all nodes have a session, then ends every process and this one; a failure is told, with what managers complained of. */
export async function withLoopbackSwarm(
  options: LoopbackSwarmOptions,
  run: (swarm: LoopbackSwarm) => Promise<void>,
): Promise<never> {
  const root = fs.mkdtempSync(path.join(process.env["SKEP_BENCH_DIR"] ?? os.tmpdir(), options.prefix));
  const managers: LoopbackManager[] = [];
  const workers: ReturnType<typeof workerProcess>[] = [];
  const { nodeFlags } = options;
  try {
    for (let at = 1; at <= options.managers; at += 1) {
      const name = `m${at}`;
      managers.push(await LoopbackManager.start({ name, folder: path.join(root, name), nodeFlags: nodeFlags(name) }));
    }
    const first = await formManagers(managers);
    for (let at = 1; at <= options.hosts; at += 1) workers.push(workerProcess(nodeFlags(`workers-${at}`)));
    await joinAll(path.join(root, "nodes"), first, workers, options);
    await run({ managers, workers });
  } catch (error) {
    for (const { name, complaints } of managers)
      for (const line of complaints.slice(-complaintsMax)) console.log(name, line);
    console.error(error);
    process.exitCode = 1;
  } finally {
    for (const each of workers) await each.end();
    for (const each of managers.toReversed()) await each.end();
    fs.rmSync(root, { recursive: true, force: true });
  }
  process.exit();
}

async function joinAll(
  folder: string,
  leader: LoopbackManager,
  workers: Workers,
  { nodes, hosts }: LoopbackSwarmOptions,
): Promise<void> {
  const startedMs = performance.now();
  const token = (await joinTokens(leader)).Worker;
  const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
  await Promise.all(
    workers.map((worker, at) =>
      worker.ask("start", {
        names: names.filter((_, index) => index % hosts === at),
        ...{ folder, addr: leader.addr, token, subnet: at + 1 },
      }),
    ),
  );
  await eventually(async () => (await counts(workers)).connected === nodes, {
    what: `${nodes} nodes have a session`,
    withinMs: joinedMs,
  });
  const tookMs = performance.now() - startedMs;
  console.log(`${nodes} nodes in ${hosts} processes joined in ${(tookMs / 1_000).toFixed(1)} s`);
}

/** Nodes with a session, and containers that run. */
export async function counts(workers: Workers): Promise<{ readonly connected: number; readonly running: number }> {
  const all = await Promise.all(workers.map((worker) => worker.ask("counts")));
  const sum = (of: (each: (typeof all)[number]) => number): number => all.reduce((total, each) => total + of(each), 0);
  return { connected: sum(({ connected }) => connected), running: sum(({ running }) => running) };
}
