// A row in which addresses take turns: nobody waits behind a crowd that is another's.

export class AddressRow<G extends { readonly address: string }> {
  /** By address, whose turn it is first; of one address in the order they came. */
  readonly #byAddress = new Map<string, Set<G>>();

  add(guest: G): void {
    const ofAddress = this.#byAddress.get(guest.address);
    if (ofAddress === undefined) this.#byAddress.set(guest.address, new Set([guest]));
    else ofAddress.add(guest);
  }

  /** Its address is last from then on. */
  delete(guest: G): void {
    const ofAddress = this.#byAddress.get(guest.address);
    if (!ofAddress?.delete(guest)) return;
    this.#byAddress.delete(guest.address);
    if (ofAddress.size > 0) this.#byAddress.set(guest.address, ofAddress);
  }

  /** Whose turn it is, of those addresses that may. */
  first(may: (address: string) => boolean): G | undefined {
    for (const [address, guests] of this.#byAddress) {
      if (!may(address)) continue;
      const [guest] = guests;
      return guest;
    }
    return undefined;
  }
}
