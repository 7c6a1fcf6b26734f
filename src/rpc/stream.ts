// Object streams of gRPC as async iterables, with back-pressure both ways: nothing is read before it is asked for,
// nothing written before the last write was taken.

import type { Readable, Writable } from "node:stream";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import { type Log, SwarmError } from "../base/index.js";
import type { Peer } from "./access.js";
import { contextOf } from "./gate.js";
import { statusOf } from "./status.js";

/** A stream as its answer sees it. */
export interface StreamCall<In> {
  readonly peer: Peer;
  /** Ends when the peer says no more; throws the signal's reason when it is gone. */
  readonly incoming: AsyncIterable<In>;
  /** Aborted when the peer is gone or this server stops. */
  readonly signal: AbortSignal;
}

/** Answers a stream with what `answer` yields; the stream ends when that ends. Never rejects. */
export async function serveStream<In, Out>(
  call: ServerDuplexStream<In, Out>,
  answer: (stream: StreamCall<In>) => AsyncIterable<Out>,
  log: Log,
): Promise<void> {
  const { peer, closing } = contextOf(call);
  const ended = new AbortController();
  const stop = (): void => ended.abort(closing.reason);
  call.once("cancelled", () => ended.abort(new SwarmError("Unavailable", "the other side is gone")));
  if (closing.aborted) stop();
  closing.addEventListener("abort", stop, { once: true });
  try {
    // The other side learns that it was let in before there is anything to say.
    call.sendMetadata(new Metadata());
    const { signal } = ended;
    const incoming = readAll<In>(call, signal);
    for await (const message of until(answer({ peer, signal, incoming }), signal)) await write(call, message, signal);
    call.end();
  } catch (error) {
    if (!call.cancelled) call.emit("error", statusOf(error, log));
  } finally {
    closing.removeEventListener("abort", stop);
    ended.abort(new SwarmError("Unavailable", "the stream has ended"));
  }
}

/** What a stream brings. Leaving the loop early does not end the stream: whoever writes to it still may. */
export async function* readAll<T>(stream: Readable, signal: AbortSignal): AsyncGenerator<T, void, void> {
  try {
    for await (const message of until<T>(stream.iterator({ destroyOnReturn: false }), signal)) yield message;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Resolves once the stream can take more. */
export async function write<T>(stream: Writable, message: T, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (stream.write(message)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      stream.off("drain", settle).off("close", settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    stream.on("drain", settle).on("close", settle);
    signal.addEventListener("abort", settle, { once: true });
  });
}

/** The same items, but throws the signal's reason at once when it is aborted, whatever the source is waiting for. */
async function* until<T>(
  source: AsyncIterable<T> | AsyncIterator<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source;
  try {
    for (;;) {
      const step = await nextOr(iterator, signal);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    // A source that hangs would hang here too, so its end is nobody's to wait for.
    void iterator.return?.().then(undefined, () => undefined);
  }
}

function nextOr<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    iterator
      .next()
      .finally(() => signal.removeEventListener("abort", onAbort))
      .then(resolve, reject);
  });
}
