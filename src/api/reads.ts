// Reads and how current they are to be.

import { SwarmError } from "../base/index.js";
import type { Call } from "./call.js";
import type { ApiRequest } from "./http.js";

/** Changes nothing, so that it may be asked again and of anybody. */
export function readsOnly({ method }: ApiRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** `Skep-Consistency: linearizable` on a read: it sees every write acknowledged before it was sent. */
export function isLinearizable(request: ApiRequest): boolean {
  const wish = request.headers["skep-consistency"];
  if (wish === undefined || !readsOnly(request)) return false;
  if (wish === "linearizable") return true;
  throw new SwarmError("InvalidArgument", "invalid Skep-Consistency: the only value is linearizable");
}

/** This manager may be another's follower by now. */
export class NotCurrent extends SwarmError {
  constructor(cause: SwarmError) {
    super("Unavailable", `cannot make sure that nothing newer is known: ${cause.message}`, { cause });
  }
}

/** A round among the managers, bounded; rejects with NotCurrent when this one does not lead, or they do not answer. */
export async function untilCurrent({ request, shared }: Call, limitMs: number): Promise<void> {
  const { node, clock } = shared.modules;
  if (node.readIndex === undefined) {
    throw new SwarmError("Unimplemented", "linearizable reads are not built yet: leave Skep-Consistency out");
  }
  const late = new AbortController();
  const timer = clock.after(limitMs, () =>
    late.abort(new SwarmError("Unavailable", "the other managers do not answer")),
  );
  const signal = AbortSignal.any([late.signal, request.closed()]);
  try {
    await Promise.race([node.readIndex(signal), untilAborted(signal)]);
  } catch (error) {
    throw error instanceof SwarmError ? new NotCurrent(error) : error;
  } finally {
    timer.cancel();
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
