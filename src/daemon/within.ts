// A wait with a bound whose timer goes with it: a timer left behind would keep a stopped daemon's process alive.

import type { Clock } from "../base/index.js";

/** Resolves when `promise` has settled, however, or `boundMs` have passed. */
export async function settledWithin(clock: Clock, boundMs: number, promise: Promise<unknown>): Promise<void> {
  let late = (): void => {};
  const timer = clock.after(boundMs, () => late());
  await Promise.race([
    Promise.allSettled([promise]),
    new Promise<void>((resolve) => {
      late = resolve;
    }),
  ]);
  timer.cancel();
}
