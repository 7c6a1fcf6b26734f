// npm run sim -- cluster --seeds A..B [--jobs N] [--seconds S] [--steps N] [--trace] [--plan JSON]: seeds of whole swarms, over
// threads. A failing seed is told at once, then shrunk; what is left of its plan is data that can be run again.

import { terminal } from "../host/terminal.js";
import { inThreads, serve } from "../host/threads.js";
import { drawPlan, type Plan } from "./plan.js";
import { runPlan, type SeedResult } from "./run.js";
import { shrink } from "./shrink.js";
import { Totals } from "./totals.js";

export interface ClusterSeeds {
  readonly first: number;
  readonly last: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly steps: number | undefined;
  readonly isTraced: boolean;
  readonly isStackShown: boolean;
  /** Run in the place of seeds. */
  readonly plan: string | undefined;
}

/** Seeds a thread runs before it tells: few enough that `--seconds` is kept. */
const batchSeeds = 5;
/** Seeds after which a thread makes room for another: a few hundred megabytes. */
const threadSeeds = 200;
/** A long run tells how far it is, each time so many more have run. */
const progressSeeds = 1_000;
/** Failures that are shrunk; the same bug often fails many seeds. */
const shrunkMax = 3;

export interface ClusterBatch {
  readonly first: number;
  readonly last: number;
  readonly steps: number | undefined;
}

/** The program's thread and each of its helpers come here; `program` is what a helper runs. */
export async function clusterMain(asked: ClusterSeeds, program: URL): Promise<void> {
  forgetStacks(asked.isStackShown);
  if (asked.plan !== undefined) return tellPlan(JSON.parse(asked.plan) as Plan, asked);
  const startMs = terminal.nowMs();
  const totals = new Totals();
  const failed: SeedResult[] = [];
  const summary = (): string => {
    const seconds = (terminal.nowMs() - startMs) / 1000;
    const names = failed.length > 0 ? ` (${failed.map(({ seed }) => seed).join(" ")})` : "";
    return `${totals.seeds} run, ${failed.length} failed${names}, ${seconds.toFixed(1)} s, ${(totals.seeds / seconds).toFixed(1)} seeds/s`;
  };
  const tell = async (results: readonly SeedResult[]): Promise<void> => {
    for (const result of results) {
      totals.add(result);
      if (totals.seeds % progressSeeds === 0) terminal.say(`… ${summary()}`);
      if (result.failure === undefined) continue;
      failed.push(result);
      await tellFailure(result, asked, failed.length <= shrunkMax);
    }
  };
  const tasks = batches(asked, startMs + asked.seconds * 1000);
  const threads = { program, args: ["cluster"], count: asked.jobs, tasksMax: threadSeeds / batchSeeds };
  if (asked.isStackShown) for (const batch of { [Symbol.iterator]: () => tasks }) await tell(await runBatch(batch));
  else await inThreads<ClusterBatch, readonly SeedResult[]>(threads, tasks, tell);
  terminal.say(`cluster seeds ${asked.first}..${asked.first + totals.seeds - 1}: ${summary()}`);
  for (const line of totals.lines()) terminal.say(line);
  // Seeds in which nothing was written show nothing.
  if (failed.length > 0 || totals.of("revisions") === 0) terminal.fail();
}

export function clusterThread(): void {
  forgetStacks(false);
  serve<ClusterBatch, readonly SeedResult[]>(runBatch);
}

/** Programs throw errors all the time, and few of them are looked at. */
function forgetStacks(isStackShown: boolean): void {
  if (!isStackShown) Error.stackTraceLimit = 0;
}

function* batches({ first, last, steps }: ClusterSeeds, endMs: number): Generator<ClusterBatch> {
  for (let from = first; from <= last && terminal.nowMs() < endMs; from += batchSeeds) {
    yield { first: from, last: Math.min(from + batchSeeds - 1, last), steps };
  }
}

async function runBatch({ first, last, steps }: ClusterBatch): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  for (let seed = first; seed <= last; seed++) results.push(await runPlan(drawPlan(seed, steps)));
  return results;
}

async function tellFailure(result: SeedResult, asked: ClusterSeeds, isShrunk: boolean): Promise<void> {
  terminal.say(`seed ${result.seed}: ${result.failure}`);
  if (asked.isStackShown) terminal.say(result.stack ?? "");
  if (asked.isTraced) return tellTranscript(drawPlan(result.seed, asked.steps));
  if (!isShrunk) return;
  const shrunk = await shrink(drawPlan(result.seed, asked.steps), (plan) => runPlan(plan));
  if (shrunk) terminal.say(`  shrunk in ${shrunk.runs} runs: ${shrunk.failure}\n  ${JSON.stringify(shrunk.plan)}`);
  else terminal.say("  it does not fail again: the run depends on more than its seed");
}

async function tellTranscript(plan: Plan): Promise<void> {
  const { transcript } = await runPlan(plan, true);
  terminal.say(transcript.join("\n"));
}

async function tellPlan(plan: Plan, { isTraced, isStackShown }: ClusterSeeds): Promise<void> {
  const { failure, stack, transcript } = await runPlan(plan, isTraced);
  if (isTraced) terminal.say(transcript.join("\n"));
  if (isStackShown) terminal.say(stack ?? "");
  terminal.say(failure ?? "nothing fails");
  if (failure !== undefined) terminal.fail();
}
