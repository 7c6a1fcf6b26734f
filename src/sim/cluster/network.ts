// What is between the machines of a simulated cluster: which of them reaches which, each way for itself.

export class SimNetwork {
  /** By way (`from→to`): how many cuts it has. */
  readonly #cuts = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];

  isOpen(from: string, to: string): boolean {
    return from === to || this.#cuts.size === 0 || !this.#cuts.has(`${from}→${to}`);
  }

  isOpenBothWays(one: string, other: string): boolean {
    return this.isOpen(one, other) && this.isOpen(other, one);
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
