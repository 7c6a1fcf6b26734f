// Snapshots between members: sends the newest one there is, takes one in beside the own, and puts it in its place. What is
// being sent stays what it is when a newer one is made meanwhile (check-list 32): the file opened is the file sent.

import { invariant, type Log, messageOf, SwarmError } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import type { SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import { restoreSnapshot } from "../load.js";
import type { RaftLog } from "../log/log.js";
import type { Transport } from "../transport.js";
import type { StateMachine } from "../types.js";
import type { Snapshots } from "./snapshots.js";

export interface ExchangeModules {
  readonly snapshots: Snapshots;
  readonly raftLog: RaftLog;
  readonly stateMachine: StateMachine;
  readonly transport: Transport;
  readonly log: Log;
}

export class SnapshotExchange {
  readonly #modules: ExchangeModules;
  readonly #abort = new AbortController();
  /** Of those being sent; none when there are none. */
  #sending: AbortController | undefined;
  #isReceiving = false;
  /** Whole and durable, beside the own one. */
  #received: SnapshotMeta | undefined;

  constructor(modules: ExchangeModules) {
    this.#modules = modules;
  }

  /** Sends the newest snapshot in place of the one `message` names; says whether it was taken. Never rejects. */
  async send(message: Message): Promise<boolean> {
    const { snapshots, transport, log } = this.#modules;
    this.#sending ??= new AbortController();
    const { signal } = this.#sending;
    try {
      const opened = await snapshots.open();
      invariant(opened, "a snapshot that was announced is there", { to: message.to });
      const body = { $case: "snapshot", value: { meta: opened.meta } } as const;
      try {
        await transport.sendSnapshot({ ...message, body }, opened.chunks, signal);
      } finally {
        await opened.close();
      }
      log.info("raft snapshot sent", { to: message.to, index: opened.meta.position?.index });
      return true;
    } catch (error) {
      if (!signal.aborted) log.warn("raft snapshot not sent", { to: message.to, error: messageOf(error) });
      return false;
    }
  }

  /** Writes what comes in beside the own snapshot. One at a time: who is refused tries again. */
  async receive(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#isReceiving) throw new SwarmError("Unavailable", "another snapshot is coming in");
    this.#isReceiving = true;
    this.#received = undefined;
    try {
      await this.#modules.snapshots.receive(meta, chunks, this.#abort.signal);
      this.#received = meta;
    } finally {
      this.#isReceiving = false;
    }
  }

  /** Makes what was received the own snapshot and the state. A failure leaves neither whole: the member has to end. */
  async install(meta: SnapshotMeta): Promise<void> {
    const { snapshots, raftLog, stateMachine, log } = this.#modules;
    const { position } = meta;
    invariant(position && this.#received === meta, "what is installed is what was received", { ...position });
    await snapshots.install();
    this.#received = undefined;
    raftLog.startAfter(position);
    await restoreSnapshot(snapshots, stateMachine);
    log.info("raft snapshot installed", { index: position.index });
  }

  /** This member does not lead (any more): the next leader's snapshot must not have to wait for one that nobody asks for. */
  stopSending(): void {
    this.#sending?.abort(new Error("this member does not lead any more"));
    this.#sending = undefined;
  }

  stop(): void {
    this.stopSending();
    this.#abort.abort(new Error("the member stops"));
  }
}
