// The agent's side of a session: opens it, then a stream of messages each way.

import { type ClientDuplexStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Clock, SwarmError } from "../base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../gen/skep/v1/dispatcher.js";
import { DispatcherClient } from "../gen/skep/v1/dispatcher_service.js";
import type { LogBatch } from "../gen/skep/v1/logs.js";
import type { Credentials } from "./credentials.js";
import { clientTo } from "./dial.js";
import { dialError } from "./dial-error.js";
import { publishLogs } from "./logs-client.js";
import { NodeRemoved } from "./status.js";
import { readAll, write } from "./stream.js";

/** From dialling to being let in: longer than a manager lets a peer wait for its handshake (handshakes.ts). */
const openMs = 10_000;
/** For what was sent last, a goodbye, to arrive. */
const closeMs = 1_000;

export interface SessionOptions {
  /** host:port of a manager. */
  readonly addr: string;
  /** Those in force: a session keeps them as long as it lasts. */
  readonly credentials: Credentials;
}

export interface SessionStream {
  /** Resolves once the connection can take more; rejects when the session is over. */
  send(message: AgentMessage): Promise<void>;
  /** To be read once. Ends when the manager ends the session, throws when the connection breaks. */
  readonly messages: AsyncIterable<ManagerMessage>;
  /** Sends log lines to the same manager, on a stream of their own (logs-client.ts). */
  publish(batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void>;
  /** Ends the session from this side: resolves once the manager has what was sent, or after a second. */
  close(): Promise<void>;
}

type Stream = ClientDuplexStream<AgentMessage, ManagerMessage>;

/**
 * Resolves once the manager let this node in. Rejects in clear words, with NotTheLeader when another manager is to be asked;
 * a node that was removed is let in, to hear just that. Aborting the signal ends the session.
 */
export async function openSession(
  { addr, credentials }: SessionOptions,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SessionStream> {
  signal.throwIfAborted();
  const client = clientTo(DispatcherClient, addr, { as: credentials });
  const stream: Stream = client.session(new Metadata());
  const over = new AbortController();
  const end = (reason: unknown): void => {
    over.abort(reason);
    stream.cancel();
    client.close();
  };
  let hasEnded = false;
  const onAbort = (): void => end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  stream.on("error", (error: ServiceError) => over.abort(dialError(error, addr)));
  stream.once("status", () => {
    hasEnded = true;
    signal.removeEventListener("abort", onAbort);
    client.close();
  });
  try {
    await letIn(stream, { addr, clock, over: over.signal });
  } catch (error) {
    end(error);
    if (error instanceof NodeRemoved) return removedSession(error);
    throw error;
  }
  return {
    send: (message) => write(stream, message, over.signal),
    messages: withRemoval(readAll<ManagerMessage>(stream, over.signal)),
    publish: (batches, until) => publishLogs({ addr, credentials }, batches, until),
    close: async () => {
      if (!over.signal.aborted && !hasEnded) await sayNoMore(stream, { clock, over: over.signal });
      end(new SwarmError("Unavailable", "the session was closed"));
    },
  };
}

/** Half closes; what still comes is thrown away, so that the manager's end of the stream is seen. */
function sayNoMore(
  stream: Stream,
  { clock, over }: { readonly clock: Clock; readonly over: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const late = clock.after(closeMs, resolve);
    const settle = (): void => {
      late.cancel();
      resolve();
    };
    stream.once("status", settle);
    over.addEventListener("abort", settle, { once: true });
    stream.end();
    stream.resume();
  });
}

/** The manager's first sign: its gate let the call pass. */
function letIn(
  stream: Stream,
  { addr, clock, over }: { readonly addr: string; readonly clock: Clock; readonly over: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = clock.after(openMs, () =>
      reject(new SwarmError("Unavailable", `${addr} did not answer within ${openMs / 1000} s`)),
    );
    const settle = (): void => {
      late.cancel();
      if (over.aborted) reject(over.reason as Error);
      else resolve();
    };
    stream.once("metadata", settle);
    over.addEventListener("abort", settle, { once: true });
  });
}

/** A removal while the session lasts is said like one before it: as a message. */
async function* withRemoval(messages: AsyncIterable<ManagerMessage>): AsyncGenerator<ManagerMessage> {
  try {
    yield* messages;
  } catch (error) {
    if (!(error instanceof NodeRemoved)) throw error;
    yield removal(error);
  }
}

function removedSession(error: NodeRemoved): SessionStream {
  return {
    send: () => Promise.reject(error),
    messages: (async function* () {
      yield removal(error);
    })(),
    publish: () => Promise.reject(error),
    close: () => Promise.resolve(),
  };
}

function removal({ message }: NodeRemoved): ManagerMessage {
  return { message: { $case: "refusal", value: { kind: RefusalKind.NODE_REMOVED, message, leaderAddr: "" } } };
}
