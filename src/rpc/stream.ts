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
    await writeAll(call, answer({ peer, signal, incoming }), signal);
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
  const happenings = new Happenings(stream, signal);
  try {
    for (;;) {
      signal.throwIfAborted();
      const message = stream.read() as T | null;
      if (message !== null) yield message;
      else if (stream.readableEnded) return;
      else if (stream.destroyed) throw new SwarmError("Unavailable", "the stream was closed");
      else await happenings.next();
    }
  } finally {
    happenings.ignore();
  }
}

const happeningsOf = ["readable", "end", "error", "close"] as const;

/** Listens for as long as a stream is read: to begin and end that for each message costs more than the message. */
class Happenings {
  readonly #stream: Readable;
  readonly #signal: AbortSignal;
  readonly #listener = (): void => this.#tell();
  #tell: () => void = () => {};

  constructor(stream: Readable, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    for (const event of happeningsOf) stream.on(event, this.#listener);
    signal.addEventListener("abort", this.#listener, { once: true });
  }

  /** Resolves at the next one from now on. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  ignore(): void {
    for (const event of happeningsOf) this.#stream.off(event, this.#listener);
    this.#signal.removeEventListener("abort", this.#listener);
  }
}

/** Resolves once the stream can take more. */
export async function write<T>(stream: Writable, message: T, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!stream.write(message)) await drained(stream, signal);
}

function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
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

/**
 * Writes what the source gives; throws the signal's reason at once when it is aborted, whatever the source is waiting for. No
 * generator around another: a layer costs as much as a message.
 */
async function writeAll<T>(stream: Writable, source: AsyncIterable<T>, signal: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let giveUp: (reason: unknown) => void = () => {};
  const onAbort = (): void => giveUp(signal.reason);
  const next = (): Promise<IteratorResult<T>> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      giveUp = reject;
      iterator.next().then(resolve, reject);
    });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (let step = await next(); !step.done; step = await next()) {
      signal.throwIfAborted();
      if (!stream.write(step.value)) await drained(stream, signal);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // A source that hangs would hang here too, so its end is nobody's to wait for.
    void iterator.return?.().then(undefined, () => undefined);
  }
}
