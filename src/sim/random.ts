// Chance that repeats: the same seed draws the same numbers on every machine.

import type { Random } from "../base/index.js";

export class SeededRandom implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any number; only its lower 32 bits count. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#a = mix(this.#seed ^ 0x9e3779b9);
    this.#b = mix(this.#a ^ this.#seed);
    this.#c = mix(this.#b + 0x6d2b79f5);
    for (let warmUp = 0; warmUp < 12; warmUp++) this.uint32();
  }

  /** The next 32 bits: a small chaotic generator with a counter, so that no seed falls into a short cycle. */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  next(): number {
    return this.uint32() / 2 ** 32;
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; at++) out[at] = this.uint32() >>> 24;
    return out;
  }

  /** A whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** One of `items`, undefined when there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.int(items.length)];
  }

  /** A stream of its own for the part called `name`: what one part draws moves no other part's numbers. */
  fork(name: string): SeededRandom {
    let seed = mix(this.#seed);
    for (let at = 0; at < name.length; at++) seed = mix(seed ^ name.charCodeAt(at));
    return new SeededRandom(seed);
  }
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
