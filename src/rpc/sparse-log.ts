// A warning that others can cause at will is logged at most once a while, with how many were left out.

import type { Clock, Log, LogFields } from "../base/index.js";

const strangersPeriodMs = 10_000;

export type Warn = (message: string, fields: LogFields) => void;

/** One budget for all that is said through it: a line each `periodMs`. */
export function sparseWarn(log: Log, clock: Clock, periodMs = strangersPeriodMs): Warn {
  let nextMs = 0;
  let suppressed = 0;
  return (message, fields) => {
    const nowMs = clock.monotonic();
    if (nowMs < nextMs) {
      suppressed += 1;
      return;
    }
    log.warn(message, suppressed > 0 ? { ...fields, suppressed } : fields);
    nextMs = nowMs + periodMs;
    suppressed = 0;
  };
}
