// Time as an injected service: `now` for what is shown and stored, `monotonic` for every deadline.

/** A pending callback of a clock. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time in milliseconds since 1970; may jump. Shown and stored, never waited on. */
  now(): number;
  /** Milliseconds since some start; never goes back. Every deadline is measured with it. */
  monotonic(): number;
  /** Calls `fn` once, `delayMs` from now. */
  after(delayMs: number, fn: () => void): Timer;
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(asError(signal.reason));
    const onAbort = (): void => {
      timer.cancel();
      reject(asError(signal?.reason));
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** A point in wall time as the model stores it. */
export interface WallTime {
  readonly seconds: number;
  readonly nanos: number;
}

/** Milliseconds since 1970 → stored time. */
export function wallTime(nowMs: number): WallTime {
  const seconds = Math.floor(nowMs / 1000);
  return { seconds, nanos: Math.round((nowMs - seconds * 1000) * 1e6) };
}

/** Stored time or duration → milliseconds; absent counts as 0. */
export function millis(time: WallTime | undefined): number {
  return time === undefined ? 0 : time.seconds * 1000 + time.nanos / 1e6;
}
