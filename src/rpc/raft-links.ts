// This member's links to the other members of the consensus: satisfies what src/raft wants of a network.

import { type Clock, type Log, type Metrics, SwarmError } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { Credentials } from "./credentials.js";

export interface RaftLinksModules {
  /** host:port of a member, looked up at every dial; undefined while it is not known. */
  addressOf(raftId: number): string | undefined;
  /** The other members as far as this one knows, asked once a second: links to them are kept open, so that an election need not dial first. */
  peers(): readonly number[];
  /** Those in force: taken for each new connection. */
  readonly credentials: () => Credentials;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A message to this member was dropped. Never called from within `send`. */
  unreachable(raftId: number): void;
  /** The link to this member broke, or could not be made anew after that. */
  connectionBroken(raftId: number): void;
}

/** What a probe of a member's address showed. */
export type LinkProbe = "gone" | "alive" | "unknown";

export class RaftLinks {
  readonly #modules: RaftLinksModules;

  constructor(_options: Record<string, never>, modules: RaftLinksModules) {
    this.#modules = modules;
  }

  /** Takes messages for others, in order for each. What cannot be sent is dropped and reported with `unreachable`. */
  send(messages: readonly Message[]): void {
    for (const { to } of messages) queueMicrotask(() => this.#modules.unreachable(to));
  }

  /** Sends a snapshot on a connection of its own; resolves once the other side has it whole and durable. */
  async sendSnapshot(_message: Message, _chunks: AsyncIterable<Uint8Array>, _signal: AbortSignal): Promise<void> {
    throw new SwarmError("Unimplemented", "snapshots do not travel yet");
  }

  /** A plain connect to the member's address. */
  async probe(_raftId: number): Promise<LinkProbe> {
    return "unknown";
  }

  async close(): Promise<void> {}
}
