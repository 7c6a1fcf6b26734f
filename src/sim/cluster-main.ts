// npm run sim -- cluster --seeds 1..200 [--steps 40] [--trace]: seeds of whole swarms one after the other; a failing one is told with its transcript.

import { runSeed, type SeedResult } from "./cluster/index.js";
import { terminal } from "./host/terminal.js";

/** Lines of a failing seed's transcript that are shown without --trace. */
const tailLines = 60;

/** A run that takes longer than this to come to what is wanted is mentioned. */
const slowMs = 60_000;

export interface ClusterSeeds {
  readonly first: number;
  readonly last: number;
  readonly steps: number | undefined;
  readonly isTraced: boolean;
}

export async function clusterMain(asked: ClusterSeeds): Promise<void> {
  const startMs = terminal.nowMs();
  const failed: number[] = [];
  let virtualMs = 0;
  const converged: number[] = [];
  for (let seed = asked.first; seed <= asked.last; seed++) {
    const result = await runSeed({ seed, ...(asked.steps !== undefined && { steps: asked.steps }) });
    virtualMs += result.virtualMs;
    if (result.convergedInMs !== undefined) converged.push(result.convergedInMs);
    if ((result.convergedInMs ?? 0) > slowMs) terminal.say(`seed ${seed}: came after ${result.convergedInMs} ms`);
    if (result.failure !== undefined) failed.push(seed);
    tell(result, asked.isTraced);
  }
  const seconds = (terminal.nowMs() - startMs) / 1000;
  const count = asked.last - asked.first + 1;
  terminal.say(`${count} seeds, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(" ")}` : ""}`);
  terminal.say(`${(virtualMs / 3_600_000).toFixed(1)} virtual hours in ${seconds.toFixed(0)} s`);
  terminal.say(`what was wanted came within ${quantiles(converged)} s of the last fault`);
  if (failed.length > 0) terminal.fail();
}

/** Median, 90th percentile and maximum, in seconds. */
function quantiles(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number): string => ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(1);
  return `${at(0.5)} / ${at(0.9)} / ${at(1)}`;
}

function tell({ seed, failure, transcript }: SeedResult, isTraced: boolean): void {
  if (failure === undefined && !isTraced) return;
  terminal.say((isTraced ? transcript : transcript.slice(-tailLines)).join("\n"));
  terminal.say(`seed ${seed}: ${failure ?? "well"}\n`);
}
