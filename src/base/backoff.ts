import type { Random } from "./random.js";

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Growth per failure; 2 when absent. */
  readonly factor?: number;
}

/** The wait before try `failures + 1`: exponential, bounded, and drawn from its upper half so that peers spread out. */
export function backoffMs(options: BackoffOptions, failures: number, random: Random): number {
  const full = Math.min(options.maxMs, options.firstMs * (options.factor ?? 2) ** Math.max(0, failures - 1));
  return full * (0.5 + random.next() / 2);
}
