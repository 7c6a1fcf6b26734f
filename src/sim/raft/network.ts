// What is between the simulated members: messages are encoded, lost, held up, repeated and overtake one another, links are cut
// one way or both; a probe tells what a plain connect would.

import type { Clock } from "../../base/index.js";
import { Message } from "../../gen/skep/raft/v1/messages.js";
import type { ProbeOutcome } from "../../raft/index.js";
import type { SeededRandom } from "../random.js";

export interface NetworkMix {
  readonly loss: number;
  readonly repeat: number;
  readonly delayMsMax: number;
  /** Messages may overtake one another. */
  readonly isUnordered: boolean;
}

export const calm: NetworkMix = { loss: 0, repeat: 0, delayMsMax: 1, isUnordered: false };

/** Where messages arrive. */
export interface End {
  readonly isRunning: boolean;
  receive(message: Message): void;
  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Old messages kept to be replayed. */
const replayMax = 200;

export class RaftNetwork {
  mix: NetworkMix = calm;
  messages = 0;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #ends = new Map<number, End>();
  readonly #cut = new Set<string>();
  readonly #lastAt = new Map<string, number>();
  readonly #old: Uint8Array[] = [];
  /** Sees each message as it is sent; what it gives is sent in its place. */
  readonly #plant: (message: Message) => Message | undefined;

  constructor(clock: Clock, random: SeededRandom, plant: (message: Message) => Message | undefined) {
    this.#clock = clock;
    this.#random = random;
    this.#plant = plant;
  }

  join(id: number, end: End): void {
    this.#ends.set(id, end);
  }

  cut(from: number, to: number): void {
    this.#cut.add(`${from}→${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  isOpen(from: number, to: number): boolean {
    return !this.#cut.has(`${from}→${to}`);
  }

  send(sent: Message): void {
    const message = this.#plant(sent);
    if (!message) return;
    const bytes = Message.encode(message).finish();
    if (this.#old.length < replayMax) this.#old.push(bytes);
    else this.#old[this.#random.int(replayMax)] = bytes;
    const copies = 1 + (this.#random.chance(this.mix.repeat) ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      if (!this.#random.chance(this.mix.loss)) this.#carry(message.from, message.to, bytes);
    }
  }

  /** Some old messages arrive once more. */
  replay(count: number): void {
    for (let at = 0; at < count; at++) {
      const bytes = this.#random.pick(this.#old);
      if (!bytes) return;
      const { from, to } = Message.decode(bytes);
      this.#carry(from, to, bytes);
    }
  }

  async sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    const breaksAfter = this.#random.chance(this.mix.loss * 3) ? this.#random.int(all.length + 1) : Infinity;
    await new Promise<void>((resolve) => void this.#clock.after(this.#delayMs() * 3, resolve));
    const end = this.#ends.get(message.to);
    if (signal.aborted || !end?.isRunning || !this.isOpen(message.from, message.to)) throw new Error("not reached");
    async function* arriving(): AsyncGenerator<Uint8Array> {
      for (const [at, chunk] of all.entries()) {
        if (at >= breaksAfter) throw new Error("the connection broke");
        yield chunk;
      }
      if (breaksAfter <= all.length) throw new Error("the connection broke");
    }
    await end.receiveSnapshot(Message.decode(Message.encode(message).finish()), arriving());
  }

  async probe(from: number, to: number): Promise<ProbeOutcome> {
    await new Promise<void>((resolve) => void this.#clock.after(this.#delayMs(), resolve));
    if (!this.isOpen(from, to) || !this.isOpen(to, from)) return "unknown";
    return this.#ends.get(to)?.isRunning ? "alive" : "gone";
  }

  #carry(from: number, to: number, bytes: Uint8Array): void {
    const link = `${from}→${to}`;
    if (this.#cut.has(link)) return;
    const now = this.#clock.monotonic();
    const earliest = this.mix.isUnordered ? 0 : (this.#lastAt.get(link) ?? 0);
    const at = Math.max(now + this.#delayMs(), earliest);
    this.#lastAt.set(link, at);
    this.#clock.after(at - now, () => {
      if (this.#cut.has(link)) return;
      this.messages += 1;
      this.#ends.get(to)?.receive(Message.decode(bytes));
    });
  }

  #delayMs(): number {
    return this.#random.next() * this.mix.delayMsMax;
  }
}
