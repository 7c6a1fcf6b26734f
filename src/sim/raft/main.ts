// npm run sim -- [raft] --seeds A..B [--jobs N] [--seconds S] [--stack]: seeds of the Raft simulator, in batches over threads.
// A failing seed is told at once, then shrunk; what is left of its plan is data that a test can run.

import { messageOf } from "../../base/index.js";
import { terminal } from "../host/terminal.js";
import { inThreads, serve } from "../host/threads.js";
import { drawPlan } from "./plan.js";
import { type RaftRun, runPlan, runRaftSeed } from "./run.js";
import { shrink, wayOf } from "./shrink.js";
import { Totals } from "./totals.js";

export interface RaftSeeds {
  readonly first: number;
  readonly last: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly isStackShown: boolean;
}

/** Seeds a thread runs before it tells: few enough that `--seconds` is kept. */
const batchSeeds = 20;
/** A long run tells how far it is, each time so many more have run. */
const progressSeeds = 5000;
/** Failures that are shrunk; the same bug often fails many seeds. */
const shrunkMax = 3;

interface Batch {
  readonly first: number;
  readonly last: number;
}

/** What a thread tells of a run: errors lose their class on the way. */
interface Told extends Omit<RaftRun, "failure"> {
  readonly failure: { readonly message: string; readonly stack: string; readonly way: string } | undefined;
}

/** The program's thread and each of its helpers come here; `program` is what a helper runs. */
export async function raftMain(asked: RaftSeeds, program: URL): Promise<void> {
  if (!asked.isStackShown) forgetStacks();
  const startMs = terminal.nowMs();
  const totals = new Totals();
  const failed: Told[] = [];
  const summary = (): string => {
    const seconds = (terminal.nowMs() - startMs) / 1000;
    const names = failed.length > 0 ? ` (${failed.map(({ seed }) => seed).join(" ")})` : "";
    const rate = (totals.seeds / seconds).toFixed(1);
    return `${totals.seeds} run, ${failed.length} failed${names}, ${seconds.toFixed(1)} s, ${rate} seeds/s`;
  };
  const tell = async (runs: readonly Told[]): Promise<void> => {
    for (const run of runs) {
      totals.add(run);
      if (totals.seeds % progressSeeds === 0) terminal.say(`… ${summary()}`);
      if (!run.failure) continue;
      failed.push(run);
      await tellFailure(run, asked.isStackShown, failed.length <= shrunkMax);
    }
  };
  const tasks = batches(asked, startMs + asked.seconds * 1000);
  if (asked.jobs > 1)
    await inThreads<Batch, readonly Told[]>({ program, args: ["raft"], count: asked.jobs }, tasks, tell);
  else for (const batch of { [Symbol.iterator]: () => tasks }) await tell(await runBatch(batch));
  terminal.say(`raft seeds ${asked.first}..${asked.first + totals.seeds - 1}: ${summary()}`);
  for (const line of totals.lines()) terminal.say(line);
  // Seeds in which nothing was written show nothing.
  if (failed.length > 0 || totals.of("acknowledged") === 0) terminal.fail();
}

export function raftThread(): void {
  forgetStacks();
  serve<Batch, readonly Told[]>(runBatch);
}

/** Members throw errors all the time, and few of them are looked at. */
function forgetStacks(): void {
  Error.stackTraceLimit = 0;
}

function* batches({ first, last }: RaftSeeds, endMs: number): Generator<Batch> {
  for (let from = first; from <= last && terminal.nowMs() < endMs; from += batchSeeds) {
    yield { first: from, last: Math.min(from + batchSeeds - 1, last) };
  }
}

async function runBatch({ first, last }: Batch): Promise<readonly Told[]> {
  const runs: Told[] = [];
  for (let seed = first; seed <= last; seed++) {
    const { failure, ...run } = await runRaftSeed(seed);
    const { message = "", stack = "" } = failure ?? {};
    runs.push({
      ...run,
      failure: failure && { message, stack: `${stack}\n${messageOf(failure.cause ?? "")}`, way: wayOf(failure) },
    });
  }
  return runs;
}

async function tellFailure({ seed, failure, faults }: Told, isStackShown: boolean, isShrunk: boolean): Promise<void> {
  terminal.say(`seed ${seed}: ${failure?.message}\n  faults: ${JSON.stringify(faults)}`);
  if (isStackShown) terminal.say(failure?.stack ?? "");
  if (!isShrunk) return;
  const shrunk = await shrink(drawPlan(seed), runPlan);
  if (shrunk)
    terminal.say(`  shrunk in ${shrunk.runs} runs: ${shrunk.failure.message}\n  ${JSON.stringify(shrunk.plan)}`);
  else terminal.say("  it does not fail again: the run depends on more than its seed");
}
