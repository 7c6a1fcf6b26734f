// What is between the simulated members: messages are lost, held up, repeated and overtake one another, links are cut one way or
// both, a probe tells what a plain connect would. In some seeds all that is sent is encoded and decoded.

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
  /** Probes that say anything. */
  readonly lies: number;
}

export const calm: NetworkMix = { loss: 0, repeat: 0, delayMsMax: 1, isUnordered: false, lies: 0 };

/** Where messages arrive. */
export interface End {
  readonly isRunning: boolean;
  /** A message of its own to this member was lost. */
  unreachable(member: number): void;
  receive(message: Message): void;
  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface NetworkOptions {
  readonly isEncoded: boolean;
  /** Sees each message as it is sent; what it gives is sent in its place. */
  readonly plant: (message: Message) => Message | undefined;
}

/** Old messages kept to be replayed. */
const replayMax = 200;
/** Of the messages that cannot arrive, so many are noticed. */
const noticedShare = 0.3;
/** A snapshot takes longer than a message, and some take very long. */
const snapshotDelays = [3, 3, 3, 20];

export class RaftNetwork {
  mix: NetworkMix = calm;
  messages = 0;
  snapshots = 0;
  readonly #options: NetworkOptions;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #ends = new Map<number, End>();
  /** By link: how many partitions cut it. */
  readonly #cuts = new Map<string, number>();
  readonly #lastAt = new Map<string, number>();
  readonly #old: Message[] = [];

  constructor(options: NetworkOptions, modules: { readonly clock: Clock; readonly random: SeededRandom }) {
    this.#options = options;
    this.#clock = modules.clock;
    this.#random = modules.random;
  }

  join(id: number, end: End): void {
    this.#ends.set(id, end);
  }

  /** Cuts a link in one direction, until what it returns is called or all is healed. */
  cut(from: number, to: number): () => void {
    const link = linkOf(from, to);
    this.#cuts.set(link, (this.#cuts.get(link) ?? 0) + 1);
    return () => {
      const left = (this.#cuts.get(link) ?? 0) - 1;
      if (left > 0) this.#cuts.set(link, left);
      else this.#cuts.delete(link);
    };
  }

  heal(): void {
    this.#cuts.clear();
  }

  send(sent: Message): void {
    const planted = this.#options.plant(sent);
    if (!planted) return;
    const message = this.#copied(planted);
    if (this.#old.length < replayMax) this.#old.push(message);
    else this.#old[this.#random.int(replayMax)] = message;
    const copies = 1 + (this.#random.chance(this.mix.repeat) ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      if (!this.#random.chance(this.mix.loss)) this.#carry(message);
    }
  }

  /** Some old messages arrive once more. */
  replay(count: number): void {
    for (let at = 0; at < count; at++) {
      const message = this.#random.pick(this.#old);
      if (message) this.#carry(this.#copied(message));
    }
  }

  async sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    const breaksAfter = this.#random.chance(this.mix.loss * 3) ? this.#random.int(all.length + 1) : Infinity;
    const delayMs = this.#delayMs() * (this.#random.pick(snapshotDelays) ?? 1);
    await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    const end = this.#ends.get(message.to);
    if (signal.aborted || !end?.isRunning || !this.#isOpen(message.from, message.to)) throw new Error("not reached");
    async function* arriving(): AsyncGenerator<Uint8Array> {
      for (const [at, chunk] of all.entries()) {
        if (at >= breaksAfter) throw new Error("the connection broke");
        yield chunk;
      }
      if (breaksAfter <= all.length) throw new Error("the connection broke");
    }
    await end.receiveSnapshot(this.#copied(message), arriving());
    this.snapshots += 1;
  }

  async probe(from: number, to: number): Promise<ProbeOutcome> {
    await new Promise<void>((resolve) => void this.#clock.after(this.#delayMs(), resolve));
    if (this.#random.chance(this.mix.lies)) return this.#random.pick(["gone", "alive", "unknown"] as const) ?? "gone";
    if (!this.#isOpen(from, to) || !this.#isOpen(to, from)) return "unknown";
    return this.#ends.get(to)?.isRunning ? "alive" : "gone";
  }

  #carry(message: Message): void {
    const link = linkOf(message.from, message.to);
    if (this.#cuts.has(link)) return this.#lost(message);
    const now = this.#clock.monotonic();
    const earliest = this.mix.isUnordered ? 0 : (this.#lastAt.get(link) ?? 0);
    const at = Math.max(now + this.#delayMs(), earliest);
    this.#lastAt.set(link, at);
    this.#clock.after(at - now, () => {
      const end = this.#ends.get(message.to);
      if (this.#cuts.has(link) || !end?.isRunning) return this.#lost(message);
      this.messages += 1;
      end.receive(message);
    });
  }

  #lost({ from, to }: Message): void {
    if (this.#random.chance(noticedShare)) this.#ends.get(from)?.unreachable(to);
  }

  /** Nobody shares a byte with whoever sent it (check-list 29); where it is not encoded, all rely on nobody changing it. */
  #copied(message: Message): Message {
    return this.#options.isEncoded ? Message.decode(Message.encode(message).finish()) : message;
  }

  #isOpen(from: number, to: number): boolean {
    return !this.#cuts.has(linkOf(from, to));
  }

  #delayMs(): number {
    return this.#random.next() * this.mix.delayMsMax;
  }
}

function linkOf(from: number, to: number): string {
  return `${from}→${to}`;
}
