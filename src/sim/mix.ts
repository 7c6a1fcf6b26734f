// What a bad network does to messages of the consensus: they are lost, held up, repeated, overtake one another and come once more
// long after; snapshots break off, and probes say anything. Whatever carries messages asks it for each of them.

import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { ProbeOutcome } from "../raft/index.js";
import type { SeededRandom } from "./random.js";

export interface Mix {
  readonly loss: number;
  readonly repeat: number;
  readonly delayMsMax: number;
  /** Messages may overtake one another. */
  readonly isUnordered: boolean;
  /** Probes that say anything. */
  readonly lies: number;
}

/** Half of the networks are well in each respect. */
export function drawMix(delaysMs: readonly number[], random: SeededRandom): Mix {
  const oneOf = (chances: readonly number[]): number => random.pick(chances) ?? 0;
  return {
    loss: oneOf([0, 0, 0.02, 0.2]),
    repeat: oneOf([0, 0, 0.05, 0.3]),
    delayMsMax: oneOf(delaysMs),
    isUnordered: random.chance(0.5),
    lies: oneOf([0, 0, 0, 0.3]),
  };
}

/** Old messages kept to be replayed. */
const replayMax = 200;
/** Of the messages that cannot arrive, so many are noticed. */
const noticedShare = 0.3;

export class Mixer {
  mix: Mix;
  readonly #random: SeededRandom;
  /** By link: when the last message arrives. */
  readonly #lastAt = new Map<string, number>();
  readonly #old: Message[] = [];

  constructor(mix: Mix, random: SeededRandom) {
    this.mix = mix;
    this.#random = random;
  }

  /** Carries a message as often as it is to arrive: not at all, once, or twice. */
  send(message: Message, carry: (message: Message) => void): void {
    if (this.#old.length < replayMax) this.#old.push(message);
    else this.#old[this.#random.int(replayMax)] = message;
    const copies = 1 + (this.#random.chance(this.mix.repeat) ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      if (!this.#random.chance(this.mix.loss)) carry(message);
    }
  }

  /** Some old messages are carried once more. */
  replay(count: number, carry: (message: Message) => void): void {
    for (let at = 0; at < count; at++) {
      const message = this.#random.pick(this.#old);
      if (message) carry(message);
    }
  }

  /** In how long a message that leaves now arrives; `leastMs` is how long the way is. */
  delayMs(link: string, nowMs: number, leastMs: number): number {
    const earliest = this.mix.isUnordered ? 0 : (this.#lastAt.get(link) ?? 0);
    const atMs = Math.max(nowMs + leastMs + this.heldUpMs(), earliest);
    this.#lastAt.set(link, atMs);
    return atMs - nowMs;
  }

  heldUpMs(): number {
    return this.#random.next() * this.mix.delayMsMax;
  }

  /** A message did not arrive: is that noticed where it came from? */
  isNoticed(): boolean {
    return this.#random.chance(noticedShare);
  }

  /** What of a snapshot arrives: all of it, or so much until the connection breaks. */
  snapshot(chunks: readonly Uint8Array[]): () => AsyncGenerator<Uint8Array> {
    const isBroken = this.#random.chance(this.mix.loss * 3);
    const breaksAfter = isBroken ? this.#random.int(chunks.length + 1) : Number.POSITIVE_INFINITY;
    return async function* arriving() {
      for (const [at, chunk] of chunks.entries()) {
        if (at >= breaksAfter) throw new Error("the connection broke");
        yield chunk;
      }
      if (breaksAfter <= chunks.length) throw new Error("the connection broke");
    };
  }

  /** What a probe says although it does not know; undefined: what is true. */
  lie(): ProbeOutcome | undefined {
    if (!this.#random.chance(this.mix.lies)) return undefined;
    return this.#random.pick(["gone", "alive", "unknown"] as const) ?? "gone";
  }
}
