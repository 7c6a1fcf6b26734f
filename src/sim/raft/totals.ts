// What many runs held, together: sums, and of some the median and the 95th of a hundred.

import type { RaftRun, RunCounts } from "./run.js";

export class Totals {
  seeds = 0;
  readonly #sums = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #virtualMs: number[] = [];
  readonly #healedMs: number[] = [];
  readonly #steps: number[] = [];

  add({ counts, faults }: Pick<RaftRun, "counts" | "faults">): void {
    this.seeds += 1;
    for (const [name, count] of Object.entries(counts)) addTo(this.#sums, name, count);
    for (const [name, count] of Object.entries(faults)) addTo(this.#faults, name, count);
    this.#virtualMs.push(counts.virtualMs);
    this.#healedMs.push(counts.healedMs);
    this.#steps.push(counts.steps);
  }

  of(name: keyof RunCounts): number {
    return this.#sums.get(name) ?? 0;
  }

  /** For people, a line each. */
  lines(): readonly string[] {
    const each = (sums: ReadonlyMap<string, number>): string =>
      [...sums].map(([name, sum]) => `${name} ${(sum / Math.max(this.seeds, 1)).toFixed(2)}`).join(", ");
    return [
      `a seed holds, on average: ${each(this.#sums)}`,
      `of the faults: ${each(new Map([...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1))))}`,
      `median and 95th of a hundred: virtual ms ${spread(this.#virtualMs)}, of these healing ${spread(this.#healedMs)}, steps ${spread(this.#steps)}`,
    ];
  }
}

function addTo(sums: Map<string, number>, name: string, more: number): void {
  sums.set(name, (sums.get(name) ?? 0) + more);
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return `${at(0.5)} / ${at(0.95)}`;
}
