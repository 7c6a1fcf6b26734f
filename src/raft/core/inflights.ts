// What is on its way to one follower: the last index and the size of each append it has not acknowledged.
// The bytes are summed up anew each time: a counter beside the list could leak (check-list 22).

import { invariant } from "../../base/index.js";

export interface FlightLimits {
  readonly inFlightMessagesMax: number;
  /** The message that reaches it still goes. */
  readonly inFlightBytesMax: number;
}

export class Inflights {
  readonly #limits: FlightLimits;
  readonly #sent: { readonly last: number; readonly bytes: number }[] = [];

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#sent.length;
  }

  get bytes(): number {
    return this.#sent.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isFull(): boolean {
    const { inFlightMessagesMax, inFlightBytesMax } = this.#limits;
    return this.count >= inFlightMessagesMax || this.bytes >= inFlightBytesMax;
  }

  add(last: number, bytes: number): void {
    invariant(!this.isFull, "room for one more message", { last });
    invariant(last > (this.#sent.at(-1)?.last ?? 0), "messages in flight rise", { last });
    this.#sent.push({ last, bytes });
  }

  /** Acknowledged up to `index`: one acknowledgement may stand for several messages, or for a part of one. */
  freeThrough(index: number): void {
    while ((this.#sent[0]?.last ?? Number.POSITIVE_INFINITY) <= index) this.#sent.shift();
  }
}
