// The load: so many workers, each with one write under way; writes a second in each round, and how long they took.

import { systemClock } from "../../src/base/host/index.js";
import { sleep } from "../../src/base/index.js";

export interface Figures {
  /** Writes a second, of each round. */
  readonly rates: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** In all, warming up included. */
  readonly writes: number;
}

export interface LoadOptions {
  readonly workers: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
}

export async function load(
  { workers, seconds, warmUpSeconds, rounds }: LoadOptions,
  write: (worker: number) => Promise<void>,
): Promise<Figures> {
  let done = 0;
  let latenciesMs: number[] = [];
  let isRunning = true;
  const work = async (worker: number): Promise<void> => {
    while (isRunning) {
      const startedMs = performance.now();
      await write(worker);
      latenciesMs.push(performance.now() - startedMs);
      done += 1;
    }
  };
  const all = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await Promise.race([sleep(systemClock, warmUpSeconds * 1000), all]);
  latenciesMs = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [before, startedMs] = [done, performance.now()];
    await Promise.race([sleep(systemClock, (seconds * 1000) / rounds), all]);
    rates.push(((done - before) * 1000) / (performance.now() - startedMs));
  }
  isRunning = false;
  await all;
  return { rates, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99), writes: done };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
