// How late the event loop is: a metric, and what /healthz looks at.

import type { Clock, Metrics } from "../base/index.js";

const periodMs = 100;
/** A loop that is this late is not healthy. */
export const lagMaxMs = 5_000;

export interface LoopLag {
  /** The largest lag of the last period, in milliseconds. */
  lastMs(): number;
  stop(): void;
}

/** Measures until stopped. */
export function watchLoopLag(clock: Clock, metrics: Metrics): LoopLag {
  const gauge = metrics.gauge("skep_loop_lag_seconds", "How late the event loop ran a timer, last seen.");
  let dueAt = clock.monotonic() + periodMs;
  let lastMs = 0;
  const tick = (): void => {
    const now = clock.monotonic();
    lastMs = Math.max(0, now - dueAt);
    gauge.set(lastMs / 1000);
    dueAt = now + periodMs;
    timer = clock.after(periodMs, tick);
  };
  let timer = clock.after(periodMs, tick);
  return { lastMs: () => Math.max(lastMs, clock.monotonic() - dueAt), stop: () => timer.cancel() };
}
