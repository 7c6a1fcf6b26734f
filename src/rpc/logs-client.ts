// A node's side of the Logs service: one stream per subscription, on a connection of its own, because a stream whose reader
// is slow would hold up the others of its connection. Never more than a few batches are under way.

import { type ClientDuplexStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SwarmError, Wake } from "../base/index.js";
import type { LogBatch, LogPublished } from "../gen/skep/v1/logs.js";
import { LogsClient } from "../gen/skep/v1/logs_service.js";
import { clientTo } from "./dial.js";
import { dialError } from "./dial-error.js";
import { batchesUnderWayMax } from "./logs-binding.js";
import type { SessionOptions } from "./session.js";
import { write } from "./stream.js";

/** Resolves when the manager has all batches, or ended the stream: it wants no more. Rejects when the way broke. */
export async function publishLogs(
  { addr, credentials }: SessionOptions,
  batches: AsyncIterable<LogBatch>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const client = clientTo(LogsClient, addr, { as: credentials });
  const stream: ClientDuplexStream<LogBatch, LogPublished> = client.publish(new Metadata());
  const over = new AbortController();
  const onAbort = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  stream.on("error", (error: ServiceError) => over.abort(dialError(error, addr)));
  stream.once("end", () => over.abort(enough));
  try {
    await sendAll(stream, batches, over.signal);
  } catch (error) {
    if (error !== enough) throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.cancel();
    client.close();
  }
}

/** The manager ended the stream. */
const enough = new SwarmError("Aborted", "the manager wants no more");

async function sendAll(
  stream: ClientDuplexStream<LogBatch, LogPublished>,
  batches: AsyncIterable<LogBatch>,
  over: AbortSignal,
): Promise<never> {
  const answered = new Wake();
  let underWay = 0;
  stream.on("data", () => {
    underWay -= 1;
    answered.ring();
  });
  const iterator = batches[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await unlessOver(iterator.next(), over);
      if (step.done) break;
      await write(stream, step.value, over);
      underWay += 1;
      while (underWay >= batchesUnderWayMax) await answered.wait(over);
    }
    stream.end();
    return await unlessOver(new Promise<never>(() => {}), over);
  } finally {
    // It may be waiting for a line that never comes.
    void iterator.return?.().then(undefined, () => undefined);
  }
}

function unlessOver<T>(promise: Promise<T>, over: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(over.reason as Error);
    if (over.aborted) return onAbort();
    over.addEventListener("abort", onAbort, { once: true });
    promise.finally(() => over.removeEventListener("abort", onAbort)).then(resolve, reject);
  });
}
