// The receiving side of what members of the consensus say: lines of messages, and snapshots over gRPC.

import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type Clock, invariant, type Log, messageOf, SwarmError } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import { Batch, type SnapshotAnswer, type SnapshotPart } from "../gen/skep/raft/v1/transport.js";
import { TransportService } from "../gen/skep/raft/v1/transport_service.js";
import { managersOnly, type Peer } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import { type CallContext, contextOf } from "./gate.js";
import type { Line, LineEvents } from "./line.js";
import { raftProtocol } from "./raft-dial.js";
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
    { snapshot: managersOnly },
    {
      snapshot: (call: ServerDuplexStream<SnapshotPart, SnapshotAnswer>) => {
        const { closing } = contextOf(call);
        const take = (stream: StreamCall<SnapshotPart>): AsyncIterable<SnapshotAnswer> =>
          takeSnapshot(stream, { closing, calls, receiver, troubles });
        void serveStream(call, take, log);
      },
    },
    { protocol: raftProtocol, access: managersOnly, serve: (line, context) => links.serve(line, context) },
  );
}

/** The links other members have to this one. */
class IncomingLinks {
  readonly #calls: RaftCalls;
  readonly #troubles: { readonly warn: Warn };
  readonly #log: Log;
  /** The newest of each member: an older one that ends was replaced, it did not break. */
  readonly #newest = new Map<number, Line>();

  constructor(calls: RaftCalls, troubles: { readonly warn: Warn }, log: Log) {
    this.#calls = calls;
    this.#troubles = troubles;
    this.#log = log;
  }

  serve(line: Line, { peer, closing }: CallContext): LineEvents {
    let from: number | undefined;
    /** Whether the line was the newest of its member. */
    const forget = (): boolean => {
      closing.removeEventListener("abort", stop);
      return from !== undefined && this.#newest.get(from) === line && this.#newest.delete(from);
    };
    const end = (error: unknown): void => {
      forget();
      line.end(statusOf(error, this.#log));
    };
    const stop = (): void => end(closing.reason);
    if (closing.aborted) stop();
    else closing.addEventListener("abort", stop, { once: true });
    return {
      message: (bytes) => {
        try {
          const batch = batchOf(bytes);
          checkSameSender(batch, from);
          this.#take(batch, peer);
          if (from === undefined) this.#letIn(batch.from, line);
          from = batch.from;
        } catch (error) {
          this.#refused(peer, error);
          end(error);
        }
      },
      ended: (error) => {
        const isBreak = forget() && error !== undefined;
        if (isBreak && from !== undefined) this.#calls.connectionBroken(from);
      },
    };
  }

  #take(batch: Batch, { node }: Peer): void {
    invariant(node !== undefined, "a link is of a member (R1)");
    checkEnds(batch, node, this.#calls);
    for (const message of batch.messages) checkMessage(message, batch);
    for (const message of batch.messages) this.#calls.step(message);
  }

  #letIn(from: number, line: Line): void {
    this.#newest.set(from, line);
    line.open();
  }

  #refused({ address, node }: Peer, error: unknown): void {
    this.#troubles.warn("raft message refused", { address, nodeId: node?.nodeId, reason: messageOf(error) });
  }
}

function checkSameSender(batch: Batch, from: number | undefined): void {
  if (from === undefined || batch.from === from) return;
  throw new SwarmError("InvalidArgument", "malformed raft message: a link is of one member");
}

function batchOf(bytes: Uint8Array): Batch {
  try {
    return Batch.decode(bytes);
  } catch (error) {
    throw new SwarmError("InvalidArgument", "malformed raft message: it is no batch", { cause: error });
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
