// What many seeds held, together.

import type { SeedResult } from "./run.js";

/** A run that takes longer than this to come to what is wanted is mentioned. */
const slowMs = 120_000;

export class Totals {
  seeds = 0;
  readonly slow: number[] = [];
  readonly #sums = new Map<string, number>();
  readonly #convergedMs: number[] = [];
  #virtualMs = 0;

  add({ seed, counts, convergedInMs, virtualMs }: Omit<SeedResult, "transcript" | "stack">): void {
    this.seeds += 1;
    this.#virtualMs += virtualMs;
    for (const [name, count] of Object.entries(counts)) this.#sums.set(name, (this.#sums.get(name) ?? 0) + count);
    if (convergedInMs === undefined) return;
    this.#convergedMs.push(convergedInMs);
    if (convergedInMs > slowMs) this.slow.push(seed);
  }

  of(name: string): number {
    return this.#sums.get(name) ?? 0;
  }

  /** For people, a line each. */
  lines(): readonly string[] {
    const each = (count: number): string => (count / Math.max(this.seeds, 1)).toFixed(1);
    const sums = [...this.#sums].map(([name, sum]) => `${name} ${each(sum)}`).join(", ");
    const slow = this.slow.length > 0 ? [`slow to come to it: ${this.slow.slice(0, 20).join(" ")}`] : [];
    return [
      `a seed: ${sums}, ${each(this.#virtualMs / 1000)} s of virtual time`,
      `what was wanted came within ${quantiles(this.#convergedMs)} s of the last fault`,
      ...slow,
    ];
  }
}

/** Median, nine in ten, and the most. */
function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string =>
    ((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) / 1000).toFixed(1);
  return `${at(0.5)} / ${at(0.9)} / ${at(1)}`;
}
