// What is between the machines of a simulated cluster: which of them reaches which, each way for itself.

import type { Way } from "./link.js";

export const firstManager = "m1";

export class SimNetwork {
  /** By way (`from→to`): how many cuts it has. */
  readonly #cuts = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];
  readonly #isLineCut: (machine: string) => boolean;

  /** `isLineCut`: the machine has lost its own line. */
  constructor(isLineCut: (machine: string) => boolean) {
    this.#isLineCut = isLineCut;
  }

  carries(from: string, to: string): boolean {
    if (from === to) return true;
    if (this.#isLineCut(from) || this.#isLineCut(to)) return false;
    return this.#cuts.size === 0 || !this.#cuts.has(`${from}→${to}`);
  }

  /** There: from the first to the second. */
  carriesBetween(one: string, other: string, way: Way): boolean {
    return way === "there" ? this.carries(one, other) : this.carries(other, one);
  }

  /** Nothing that `from` sends reaches `to`, until what it returns is called. */
  cut(from: string, to: string): () => void {
    const way = `${from}→${to}`;
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + 1);
    return () => {
      const left = (this.#cuts.get(way) ?? 0) - 1;
      if (left > 0) this.#cuts.set(way, left);
      else if (left === 0) this.#cuts.delete(way);
      for (const listener of this.#listeners) listener();
    };
  }

  /** Told whenever a cut has ended. */
  onHealed(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** m1 is 10.0.0.1, w1 10.0.0.2; the other managers are elsewhere. */
export function addressOf(name: string): string {
  const number = Number(name.slice(1));
  if (name.startsWith("m") && number > 1) return `10.0.9.${number}`;
  return name === firstManager ? "10.0.0.1" : `10.0.${Math.floor((number + 1) / 250)}.${(number + 1) % 250}`;
}
