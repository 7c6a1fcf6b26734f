// How many there are, in all and of each address.

export class Tally {
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  of(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  /** The address of which there are most. */
  most(): string | undefined {
    let most: string | undefined;
    for (const address of this.#byAddress.keys())
      if (most === undefined || this.of(address) > this.of(most)) most = address;
    return most;
  }

  add(address: string, count: 1 | -1): void {
    const after = this.of(address) + count;
    if (after === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, after);
    this.#all += count;
  }
}
