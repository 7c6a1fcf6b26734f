// How a user's write reaches the store: once per request id, within Docker's 20 seconds, its failures in Docker's words.

import { type Clock, rpcError } from "../../base/index.js";
import { NotLeader, type Transaction, UnknownOutcome, type Writer } from "../../store/index.js";

/** Docker's swarmRequestTimeout. */
const requestTimeoutMs = 20_000;

export const noLeaderMessage =
  "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

export class Writes {
  readonly #writer: Writer;
  readonly #clock: Clock;

  constructor(_options: Record<string, never>, modules: { readonly writer: Writer; readonly clock: Clock }) {
    this.#writer = modules.writer;
    this.#clock = modules.clock;
  }

  /** A write whose answer is kept for a repeat of the same request (C3). */
  once(requestId: string, fn: (tx: Transaction) => string): Promise<string> {
    return this.#bounded(this.#writer.once(requestId, fn));
  }

  /** A step before the one that counts; right by itself. */
  step<T>(fn: (tx: Transaction) => T): Promise<T> {
    return this.#bounded(this.#writer.update(fn));
  }

  #bounded<T>(write: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.after(requestTimeoutMs, () => {
        reject(rpcError("DeadlineExceeded", "context deadline exceeded"));
      });
      write
        .then(resolve, (error: unknown) => {
          reject(inDockersWords(error));
        })
        .finally(() => {
          timer.cancel();
        });
    });
  }
}

function inDockersWords(error: unknown): Error {
  if (error instanceof NotLeader) return rpcError("Unknown", noLeaderMessage);
  if (error instanceof UnknownOutcome) return rpcError("Unknown", error.message);
  return error instanceof Error ? error : new Error(String(error));
}
