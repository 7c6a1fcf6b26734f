// Links between managers in one process: messages travel as bytes, take a millisecond, keep their order, and are lost where a
// link is cut; a probe tells what a plain connect would.

import { Message } from "../../src/gen/skep/raft/v1/messages.js";
import type { ProbeOutcome } from "../../src/raft/index.js";
import type { VirtualClock } from "../../src/sim/index.js";

const delayMs = 0.7;

/** Where messages arrive. */
export interface LinkEnd {
  readonly isRunning: boolean;
  receive(message: Message): void;
  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export class ManagerLinks {
  readonly #clock: VirtualClock;
  readonly #ends = new Map<number, LinkEnd>();
  /** By link: how many cuts it has. */
  readonly #cuts = new Map<string, number>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  join(id: number, end: LinkEnd): void {
    this.#ends.set(id, end);
  }

  /** Cuts a link in one direction, until what it returns is called. */
  cut(from: number, to: number): () => void {
    const link = linkOf(from, to);
    this.#cuts.set(link, (this.#cuts.get(link) ?? 0) + 1);
    return () => {
      const left = (this.#cuts.get(link) ?? 0) - 1;
      if (left > 0) this.#cuts.set(link, left);
      else this.#cuts.delete(link);
    };
  }

  send(message: Message): void {
    const bytes = Message.encode(message).finish();
    this.#clock.after(delayMs, () => {
      if (this.#isOpen(message)) this.#ends.get(message.to)?.receive(Message.decode(bytes));
    });
  }

  async sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    const end = this.#ends.get(message.to);
    if (!end?.isRunning || !this.#isOpen(message)) throw new Error("not reached");
    await end.receiveSnapshot(message, chunks);
  }

  async probe(from: number, to: number): Promise<ProbeOutcome> {
    await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    if (!this.#isOpen({ from, to }) || !this.#isOpen({ from: to, to: from })) return "unknown";
    return this.#ends.get(to)?.isRunning ? "alive" : "gone";
  }

  #isOpen({ from, to }: Pick<Message, "from" | "to">): boolean {
    return !this.#cuts.has(linkOf(from, to));
  }
}

function linkOf(from: number, to: number): string {
  return `${from}→${to}`;
}
