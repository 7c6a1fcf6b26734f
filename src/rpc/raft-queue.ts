// What waits to be sent to one member: bounded, and taken out in batches of which each is one gRPC message.

import type { Message } from "../gen/skep/raft/v1/messages.js";

/** Twice what Raft itself lets be on its way to one member. */
const queueBytesMax = 8 * 1024 * 1024;
const queueMessagesMax = 4_096;
/** Beyond its first message: a message that comes whole need not wait for a megabyte before it. */
const batchBytesMax = 1024 * 1024;
/** A batch of one message must pass the receiver's `memberBytesMax`. */
const messageBytesMax = 4_000_000;
/** A message without its entries, and an entry without its data, are no longer than this. */
const frameBytes = 64;

export class LinkQueue {
  #messages: Message[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** False when there is no room for it. */
  push(message: Message): boolean {
    const bytes = bytesOf(message);
    const isFull = this.#messages.length >= queueMessagesMax || this.#bytes + bytes > queueBytesMax;
    if (isFull || bytes > messageBytesMax) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** The next batch, in order. */
  take(): readonly Message[] {
    let count = 0;
    let bytes = 0;
    for (const message of this.#messages) {
      const more = bytesOf(message);
      if (count > 0 && bytes + more > batchBytesMax) break;
      bytes += more;
      count += 1;
    }
    this.#bytes -= bytes;
    if (count < this.#messages.length) return this.#messages.splice(0, count);
    const all = this.#messages;
    this.#messages = [];
    return all;
  }

  /** Drops everything; says how many messages that were. */
  clear(): number {
    const dropped = this.#messages.length;
    this.#messages = [];
    this.#bytes = 0;
    return dropped;
  }
}

/** At least what it takes when encoded. */
function bytesOf({ body }: Message): number {
  if (body?.$case !== "append") return frameBytes;
  let bytes = frameBytes;
  for (const { data } of body.value.entries) bytes += data.length + frameBytes;
  return bytes;
}
