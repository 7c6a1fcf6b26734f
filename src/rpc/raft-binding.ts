// The Transport service of the Raft library: the receiving side of links and of snapshots.

import type { ServerDuplexStream, ServerReadableStream, sendUnaryData } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { type Clock, invariant, type Log, messageOf, SwarmError } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { Batch, LinkEnd, SnapshotAnswer, SnapshotPart } from "../gen/skep/raft/v1/transport.js";
import { TransportService } from "../gen/skep/raft/v1/transport_service.js";
import { managersOnly } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import { contextOf } from "./gate.js";
import { checkEnds, checkMessage, checkSnapshot, type Members } from "./raft-messages.js";
import { SnapshotReceiver } from "./raft-snapshot-receiver.js";
import { sparseWarn, type Warn } from "./sparse-log.js";
import { statusOf } from "./status.js";
import { type StreamCall, serveStream } from "./stream.js";

export interface RaftCalls extends Members {
  step(message: Message): void;
  /** Resolves once the snapshot is whole and durable here, or not needed. */
  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The link from this member broke. */
  connectionBroken(raftId: number): void;
}

type LinkCall = ServerReadableStream<Batch, LinkEnd>;

/** Refuses what is not to this member, and what is known to be from another node than the certificate's. */
export function raftBinding(calls: RaftCalls, modules: { readonly clock: Clock; readonly log: Log }): Binding {
  const { clock, log } = modules;
  const troubles = { warn: sparseWarn(log, clock) };
  const links = new IncomingLinks(calls, troubles, log);
  const receiver = new SnapshotReceiver({
    clock,
    receive: (message, chunks) => calls.receiveSnapshot(message, chunks),
  });
  return defineBinding(
    TransportService,
    { link: managersOnly, snapshot: managersOnly },
    {
      link: (call: LinkCall, answer: sendUnaryData<LinkEnd>) => links.serve(call, answer),
      snapshot: (call: ServerDuplexStream<SnapshotPart, SnapshotAnswer>) => {
        const { closing } = contextOf(call);
        const take = (stream: StreamCall<SnapshotPart>): AsyncIterable<SnapshotAnswer> =>
          takeSnapshot(stream, { closing, calls, receiver, troubles });
        void serveStream(call, take, log);
      },
    },
  );
}

/** The links other members have to this one. */
class IncomingLinks {
  readonly #calls: RaftCalls;
  readonly #troubles: { readonly warn: Warn };
  readonly #log: Log;
  /** The newest of each member: an older one that ends was replaced, it did not break. */
  readonly #newest = new Map<number, LinkCall>();

  constructor(calls: RaftCalls, troubles: { readonly warn: Warn }, log: Log) {
    this.#calls = calls;
    this.#troubles = troubles;
    this.#log = log;
  }

  serve(call: LinkCall, answer: sendUnaryData<LinkEnd>): void {
    const { closing } = contextOf(call);
    let from: number | undefined;
    const end = (error?: unknown): void => {
      if (call.listenerCount("data") === 0) return;
      call.removeAllListeners("data").resume();
      closing.removeEventListener("abort", stop);
      if (from !== undefined && this.#newest.get(from) === call) this.#newest.delete(from);
      if (error === undefined) answer(null, {});
      else answer(statusOf(error, this.#log));
    };
    const stop = (): void => end(closing.reason);
    closing.addEventListener("abort", stop, { once: true });
    call.on("data", (batch: Batch) => {
      try {
        this.#take(batch, call);
        if (from === undefined) this.#letIn(batch.from, call);
        from = batch.from;
      } catch (error) {
        this.#refused(call, error);
        end(error);
      }
    });
    call.once("end", () => end());
    call.once("cancelled", () => {
      const isBreak = from !== undefined && this.#newest.get(from) === call;
      end(new SwarmError("Unavailable", "the link broke"));
      if (from !== undefined && isBreak) this.#calls.connectionBroken(from);
    });
  }

  #take(batch: Batch, call: LinkCall): void {
    const { node } = contextOf(call).peer;
    invariant(node !== undefined, "a link is of a member (R1)");
    checkEnds(batch, node, this.#calls);
    for (const message of batch.messages) checkMessage(message, batch);
    for (const message of batch.messages) this.#calls.step(message);
  }

  /** The other side learns that it is, too. */
  #letIn(from: number, call: LinkCall): void {
    this.#newest.set(from, call);
    call.sendMetadata(new Metadata());
  }

  #refused(call: LinkCall, error: unknown): void {
    const { address, node } = contextOf(call).peer;
    this.#troubles.warn("raft message refused", { address, nodeId: node?.nodeId, reason: messageOf(error) });
  }
}

interface SnapshotContext {
  readonly closing: AbortSignal;
  readonly calls: RaftCalls;
  readonly receiver: SnapshotReceiver;
  readonly troubles: { readonly warn: Warn };
}

async function* takeSnapshot(
  { peer, incoming, signal }: StreamCall<SnapshotPart>,
  { closing, calls, receiver, troubles }: SnapshotContext,
): AsyncGenerator<SnapshotAnswer, void, void> {
  const parts = incoming[Symbol.asyncIterator]();
  const first = await parts.next();
  const offer = first.done || first.value.part?.$case !== "offer" ? undefined : first.value.part.value;
  try {
    invariant(peer.node !== undefined, "a snapshot is of a member (R1)");
    if (offer?.message === undefined) throw new SwarmError("InvalidArgument", "a snapshot begins with its offer");
    checkEnds(offer.message, peer.node, calls);
    checkSnapshot(offer.message);
  } catch (error) {
    troubles.warn("raft snapshot refused", { address: peer.address, reason: messageOf(error) });
    throw error;
  }
  const connection = { parts: { [Symbol.asyncIterator]: () => parts }, signal, closing };
  yield* receiver.answer(offer.message, offer.transfer, connection);
}
