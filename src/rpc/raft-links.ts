// This member's links to the other members of the consensus: satisfies what src/raft wants of a network.

import type { Clock, Counter, Log, Metrics, Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { Credentials } from "./credentials.js";
import { RaftLink } from "./raft-link.js";
import { type LinkProbe, probe } from "./raft-probe.js";
import { sendSnapshot } from "./raft-snapshot-sender.js";
import { sparseWarn } from "./sparse-log.js";

/** How often addresses, certificates and the list of peers are looked at. */
const lookMs = 1_000;
/** A link to who is no peer (any more) is closed when nothing was sent for so long. */
const idleMs = 10_000;
/** What is wrong with a link is logged at most so often: a manager may be down for days. */
const troublesMs = 60_000;

export interface RaftLinksOptions {
  /** The member these links are of. */
  readonly raftId: number;
}

export interface RaftLinksModules {
  /** host:port of a member, looked up at every dial; undefined while it is not known. */
  addressOf(raftId: number): string | undefined;
  /**
   * The other members as far as this one knows, asked once a second: links to them are kept open, so that an election need
   * not dial first.
   */
  peers(): readonly number[];
  /** Those in force: taken for each new connection. */
  readonly credentials: () => Credentials;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A message to this member was dropped. Never called from within `send`. */
  unreachable(raftId: number): void;
  /** The link to this member broke; or, once after that and once at first, it could not be made. */
  connectionBroken(raftId: number): void;
  /** This member says that the one these links are of was removed for good. Said again and again. */
  removed?(by: number): void;
}

export class RaftLinks {
  readonly #options: RaftLinksOptions;
  readonly #modules: RaftLinksModules;
  readonly #links = new Map<number, RaftLink>();
  readonly #messages: Counter;
  readonly #bytes: Counter;
  readonly #dropped: Counter;
  #timer: Timer;
  #isClosed = false;

  constructor(options: RaftLinksOptions, modules: RaftLinksModules) {
    this.#options = options;
    this.#modules = modules;
    const { metrics, clock } = modules;
    this.#messages = metrics.counter("skep_raft_link_messages_total", "Raft messages sent.", ["peer"]);
    this.#bytes = metrics.counter("skep_raft_link_bytes_total", "Bytes of Raft messages sent.", ["peer"]);
    this.#dropped = metrics.counter("skep_raft_link_dropped_total", "Raft messages that could not be sent.", ["peer"]);
    this.#timer = clock.after(0, () => this.#look());
  }

  /** Takes messages for others, in order for each. What cannot be sent is dropped and reported with `unreachable`. */
  send(messages: readonly Message[]): void {
    if (this.#isClosed) return;
    const links = new Set<RaftLink>();
    for (const message of messages) {
      const link = this.#linkTo(message.to);
      link.take(message);
      links.add(link);
    }
    for (const link of links) link.flush();
  }

  /**
   * Sends a snapshot on a connection of its own, as fast as the other side takes it. Resolves once the other side has it
   * whole and durable, or does not need it.
   */
  sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { clock, credentials } = this.#modules;
    const addr = (): string | undefined => this.#modules.addressOf(message.to);
    return sendSnapshot(message, chunks, signal, { clock, credentials, addr });
  }

  /** A plain connect to the member's address: whether its process is gone. */
  async probe(raftId: number): Promise<LinkProbe> {
    const addr = this.#modules.addressOf(raftId);
    return addr === undefined ? "unknown" : await probe(addr, this.#modules.clock);
  }

  /** Ends all links; the others see no break. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer.cancel();
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  #look(): void {
    const peers = new Set(this.#modules.peers());
    for (const raftId of peers) this.#linkTo(raftId).keep();
    for (const [raftId, link] of this.#links) {
      if (peers.has(raftId) || link.idleMs < idleMs) continue;
      this.#links.delete(raftId);
      void link.close();
    }
    this.#timer = this.#modules.clock.after(lookMs, () => this.#look());
  }

  #linkTo(raftId: number): RaftLink {
    const known = this.#links.get(raftId);
    if (known !== undefined) return known;
    const link = this.#newLink(raftId);
    this.#links.set(raftId, link);
    return link;
  }

  #newLink(raftId: number): RaftLink {
    const modules = this.#modules;
    const peer = { peer: String(raftId) };
    return new RaftLink(
      { from: this.#options.raftId, to: raftId },
      {
        clock: modules.clock,
        credentials: modules.credentials,
        log: modules.log,
        addr: () => modules.addressOf(raftId),
        troubles: { warn: sparseWarn(modules.log, modules.clock, troublesMs) },
        broken: () => modules.connectionBroken(raftId),
        removed: () => modules.removed?.(raftId),
        dropped: (messages) => {
          this.#dropped.add(messages, peer);
          modules.unreachable(raftId);
        },
        sent: (messages, bytes) => {
          this.#messages.add(messages, peer);
          this.#bytes.add(bytes, peer);
        },
      },
    );
  }
}
