// A wait with an end: for what is asked of the engine and of the leader while a client waits for us.

import { type Clock, SwarmError } from "../base/index.js";

/** Runs `work` with a signal that aborts after `limitMs`; rejects then, whatever `work` does. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  const limit = new AbortController();
  const signal = parent === undefined ? limit.signal : AbortSignal.any([limit.signal, parent]);
  let expire: ((error: Error) => void) | undefined;
  const expired = new Promise<never>((_, reject) => {
    expire = reject;
  });
  const timer = clock.after(limitMs, () => {
    const error = new SwarmError("DeadlineExceeded", `no answer within ${limitMs} ms`);
    limit.abort(error);
    expire?.(error);
  });
  try {
    return await Promise.race([work(signal), expired]);
  } finally {
    timer.cancel();
  }
}
