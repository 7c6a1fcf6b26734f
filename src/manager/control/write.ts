// How a user's write reaches the store: once per request id, within Docker's 20 seconds, its failures in Docker's words.

import { type Clock, rpcError, SwarmError } from "../../base/index.js";
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

/**
 * Whether a write failed because leadership ended: nothing of it happened, or nobody knows yet. Either way it may be asked
 * of the next leader, with the same request id (C3). Undefined: it failed for another reason.
 */
export function lostLeadership(error: unknown): "nothing happened" | "unknown" | undefined {
  if (!(error instanceof SwarmError)) return undefined;
  if (error.cause instanceof NotLeader) return "nothing happened";
  return error.cause instanceof UnknownOutcome ? "unknown" : undefined;
}

function inDockersWords(error: unknown): Error {
  if (error instanceof NotLeader) return new SwarmError("Unknown", noLeaderMessage, { rpc: true, cause: error });
  if (error instanceof UnknownOutcome)
    return new SwarmError("Unknown", outcomeText(error), { rpc: true, cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** A disk that failed is what a person can mend, so that is what they read. */
function outcomeText({ message, cause }: UnknownOutcome): string {
  const code = codeOf(cause);
  const disk = code === undefined ? undefined : (diskTexts[code] ?? `this manager's disk failed (${code})`);
  return disk === undefined ? message : `${disk}: the change may or may not have happened, and no later one will`;
}

const diskTexts: Readonly<Record<string, string>> = {
  ENOSPC: "this manager's disk is full (ENOSPC)",
  EDQUOT: "this manager's disk quota is used up (EDQUOT)",
  EROFS: "this manager's disk is read-only (EROFS)",
};

/** The system's name of an error, wherever in the chain of causes it is. */
function codeOf(error: unknown): string | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const { code } = each as NodeJS.ErrnoException;
    if (typeof code === "string") return code;
  }
  return undefined;
}
