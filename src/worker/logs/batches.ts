// Lines → messages of bounded size, at a bounded speed, with a sign of life while there is nothing to say.

import { type Clock, sleep } from "../../base/index.js";
import type { LogBatch, LogFailure, LogLine } from "../../gen/skep/v1/logs.js";

/** A message; a single longer line travels alone. */
const batchBytesMax = 32 * 1024;
/** Docker's own bound on what an agent reads for a subscription (swarm-semantics §10.1). */
const bytesPerSecondMax = 10 * 1024 * 1024;
/** Waits that the bound on speed asks for are saved up to this. */
const pauseLeastMs = 50;
/** The leader gives up a node that is silent for five of these. */
const signOfLifeMs = 1_000;
/** An engine that gives nothing for so long gives no more. */
const engineSilentMs = 10_000;
/** What a line costs besides its bytes: ids, time, the object. */
const lineOverheadBytes = 128;

/** A line, or why there is none. */
export interface Item {
  readonly timestamp: string;
  readonly line?: LogLine;
  readonly failure?: LogFailure;
}

export interface BatchesOptions {
  readonly subscriptionId: string;
  /** It follows: silence means nothing. */
  readonly isPatient: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export function bytesOf({ line }: Item): number {
  return lineOverheadBytes + (line === undefined ? 0 : line.data.length + line.details.length);
}

export async function* batchesOf(
  items: AsyncGenerator<readonly Item[], void, void>,
  { subscriptionId, isPatient, clock, signal }: BatchesOptions,
): AsyncGenerator<LogBatch, void, void> {
  const pace = new Pace(clock);
  try {
    yield { subscriptionId, lines: [], failures: [] };
    for await (const some of isPatient ? items : withSigns(items, clock)) {
      for (const batch of packed(some)) {
        yield batch;
        await pace.spend(batch, signal);
      }
    }
  } finally {
    // It may be waiting for an engine that is silent: nobody waits for that.
    void items.return().then(undefined, () => undefined);
  }
}

/** Nothing, now and then, while nothing comes; in the end that nothing came. */
async function* withSigns(
  items: AsyncIterator<readonly Item[], void, void>,
  clock: Clock,
): AsyncGenerator<readonly Item[], void, void> {
  let silentMs = 0;
  let next = items.next();
  for (;;) {
    const step = await within(clock, signOfLifeMs, next);
    if (step === undefined) {
      silentMs += signOfLifeMs;
      if (silentMs >= engineSilentMs) return yield [{ timestamp: "", failure: silent }];
      yield [];
      continue;
    }
    if (step.done) return;
    silentMs = 0;
    yield step.value;
    next = items.next();
  }
}

const silent: LogFailure = { taskId: "", message: `the engine gave no more lines for ${engineSilentMs / 1000} s` };

function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve(undefined));
    promise.finally(() => timer.cancel()).then(resolve, reject);
  });
}

/** At least one message. */
function* packed(items: readonly Item[]): Generator<LogBatch, void, void> {
  let lines: LogLine[] = [];
  let failures: LogFailure[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (bytes > 0 && bytes + size > batchBytesMax) {
      yield { subscriptionId: "", lines, failures };
      [lines, failures, bytes] = [[], [], 0];
    }
    bytes += size;
    if (item.line) lines.push(item.line);
    if (item.failure) failures.push(item.failure);
  }
  yield { subscriptionId: "", lines, failures };
}

/** No faster than the bound, over a while. */
class Pace {
  readonly #clock: Clock;
  #freeAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async spend({ lines }: LogBatch, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonic();
    let bytes = 0;
    for (const line of lines) bytes += bytesOf({ timestamp: "", line });
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes / bytesPerSecondMax) * 1000;
    if (this.#freeAtMs - nowMs >= pauseLeastMs) await sleep(this.#clock, this.#freeAtMs - nowMs, signal);
  }
}
