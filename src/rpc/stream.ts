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

/**
 * What a stream brings. Not Node's own iterator: that destroys the stream on an error, and with it the status that is
 * still to be sent on a stream that is read and written.
 */
export async function* readAll<T>(stream: Readable, signal: AbortSignal): AsyncGenerator<T, void, void> {
  for (;;) {
    signal.throwIfAborted();
    const message = stream.read() as T | null;
    if (message !== null) yield message;
    else if (stream.readableEnded) return;
    else if (stream.destroyed) throw new SwarmError("Unavailable", "the stream was closed");
    else await somethingHappens(stream, signal);
  }
}

function somethingHappens(stream: Readable, signal: AbortSignal): Promise<void> {
  const events = ["readable", "end", "error", "close"];
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) stream.off(event, settle);
      signal.removeEventListener("abort", settle);
      resolve();
    };
    for (const event of events) stream.on(event, settle);
    signal.addEventListener("abort", settle, { once: true });
  });
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
async function* until<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
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
