// What carries messages between members, as the library wants it: a service that may lose, repeat, delay and reorder them.

import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { ProbeOutcome } from "./core/types.js";

export interface Transport {
  /** Takes messages for others, in order for each of them; must not block. What cannot be sent is dropped and reported with `unreachable`. */
  send(messages: readonly Message[]): void;
  /**
   * Sends a snapshot, its message first, on a connection of its own; chunks are asked for as fast as the other side takes
   * them. Resolves once the other side has it whole and durable; rejects when it has not, and when `signal` is aborted.
   */
  sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** A plain connect to the member's address, see docs/raft.md: refused is "gone", accepted and still open "alive". */
  probe(member: number): Promise<ProbeOutcome>;
}

/** For a member that has nobody to talk to. */
export const noTransport: Transport = {
  send() {},
  sendSnapshot: () => Promise.reject(new Error("there is no transport")),
  probe: () => Promise.resolve("unknown"),
};
