import { performance } from "node:perf_hooks";
import type { Clock } from "../clock.js";

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    let timer = setTimeout(next, Math.min(delayMs, timeoutMaxMs), delayMs - timeoutMaxMs);
    function next(leftMs: number): void {
      if (leftMs <= 0) fn();
      else timer = setTimeout(next, Math.min(leftMs, timeoutMaxMs), leftMs - timeoutMaxMs);
    }
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A longer setTimeout fires at once (its delay is 32 bits, 24.8 days): longer waits go in steps. */
const timeoutMaxMs = 2 ** 31 - 1;
