// Takes in snapshots of other members. A transfer whose connection broke is kept for a moment, with all it has brought, so
// that the sender can go on; the member behind it sees one uninterrupted stream of chunks.

import { type Clock, messageOf, SwarmError, type Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { SnapshotAnswer, SnapshotPart } from "../gen/skep/raft/v1/transport.js";
import { PieceSink } from "./raft-pieces.js";

/** A sender that does not come back within this has to begin anew. */
const resumeMs = 5_000;
/** Transfers at a time, those that wait for their sender included. Raft takes in one. */
const transfersMax = 4;

/** What serves a transfer: a connection, and the ways it can end. */
export interface SnapshotConnection {
  readonly parts: AsyncIterable<SnapshotPart>;
  /** Aborted when the other side is gone, or this server stops. */
  readonly signal: AbortSignal;
  /** Aborted when this server stops: nobody can come back. */
  readonly closing: AbortSignal;
}

export interface SnapshotReceiverModules {
  readonly clock: Clock;
  /** Resolves once the snapshot is whole and durable here, or not needed. */
  receive(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

interface Transfer {
  readonly sink: PieceSink;
  /** Never rejects. */
  readonly outcome: Promise<"taken" | Error>;
  readonly served: { readonly by: SnapshotConnection } | { readonly until: Timer };
}

export class SnapshotReceiver {
  readonly #modules: SnapshotReceiverModules;
  readonly #transfers = new Map<string, Transfer>();

  constructor(modules: SnapshotReceiverModules) {
    this.#modules = modules;
  }

  /** Answers one connection whose offer has been read. */
  async *answer(
    message: Message,
    transferId: number,
    connection: SnapshotConnection,
  ): AsyncGenerator<SnapshotAnswer, void, void> {
    const key = `${message.from} ${transferId}`;
    const transfer = this.#transfers.get(key) ?? (await this.#begin(message));
    this.#attach(key, transfer, connection);
    yield { pieces: transfer.sink.pieces, isTaken: false };
    for await (const { part } of connection.parts) {
      const outcome = await this.#take(transfer.sink, transfer.outcome, part);
      if (outcome instanceof Error) throw new SwarmError("Aborted", messageOf(outcome));
      yield { pieces: transfer.sink.pieces, isTaken: outcome === "taken" };
      if (outcome === "taken") return;
    }
  }

  /** Hands on what came; says how the whole transfer ended, once it has. */
  async #take(
    sink: PieceSink,
    outcome: Transfer["outcome"],
    part: SnapshotPart["part"],
  ): Promise<"taken" | Error | undefined> {
    switch (part?.$case) {
      case "piece":
        return await Promise.race([sink.take(part.value).then(() => undefined), outcome]);
      case "end":
        sink.end(part.value.pieces === sink.pieces ? undefined : new SwarmError("Aborted", "pieces are missing"));
        return await outcome;
      case "offer":
      case undefined:
        throw new SwarmError("InvalidArgument", "a snapshot has one offer, then pieces");
      default:
        return part satisfies never;
    }
  }

  async #begin(message: Message): Promise<Transfer> {
    await this.#forsake();
    if (this.#transfers.size >= transfersMax) throw new SwarmError("Aborted", "too many snapshots are coming in");
    const sink = new PieceSink();
    const outcome = this.#modules.receive(message, sink).then(
      () => "taken" as const,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    return { sink, outcome, served: { until: { cancel() {} } } };
  }

  /** Whose sender has not come back by now makes room for who is here. */
  async #forsake(): Promise<void> {
    const left = [...this.#transfers.values()].filter(({ served }) => "until" in served);
    for (const { sink } of left) sink.end(new SwarmError("Aborted", "another snapshot is coming in"));
    await Promise.all(left.map(({ outcome }) => outcome));
  }

  /** waiting for its sender → served; a connection that served it before is one that broke unnoticed. */
  #attach(key: string, { sink, outcome, served }: Transfer, by: SnapshotConnection): void {
    if ("until" in served) served.until.cancel();
    const transfer: Transfer = { sink, outcome, served: { by } };
    this.#transfers.set(key, transfer);
    const detach = (): void => {
      if (this.#transfers.get(key) === transfer) this.#detach(key, transfer, by.closing.aborted);
    };
    by.signal.addEventListener("abort", detach, { once: true });
    if (by.signal.aborted) detach();
    void outcome.then(() => {
      by.signal.removeEventListener("abort", detach);
      if (this.#transfers.get(key)?.sink === sink) this.#transfers.delete(key);
    });
  }

  /** served → waiting for its sender, for a while. */
  #detach(key: string, { sink, outcome }: Transfer, isFinal: boolean): void {
    const abandon = (): void => sink.end(new SwarmError("Unavailable", "the sender of the snapshot is gone"));
    if (isFinal) return abandon();
    const until = this.#modules.clock.after(resumeMs, abandon);
    this.#transfers.set(key, { sink, outcome, served: { until } });
    void outcome.then(() => {
      until.cancel();
      if (this.#transfers.get(key)?.sink === sink) this.#transfers.delete(key);
    });
  }
}
