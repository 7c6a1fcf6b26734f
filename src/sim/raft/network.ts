// What is between the simulated members: messages are lost, held up, repeated and overtake one another, links are cut one way or
// both, a probe tells what a plain connect would. In some seeds all that is sent is encoded and decoded.

import type { Clock } from "../../base/index.js";
import { Message } from "../../gen/skep/raft/v1/messages.js";
import type { ProbeOutcome } from "../../raft/index.js";
import { type Mix, Mixer } from "../mix.js";
import type { SeededRandom } from "../random.js";

export const calm: Mix = { loss: 0, repeat: 0, delayMsMax: 1, isUnordered: false, lies: 0 };

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

/** A snapshot takes longer than a message, and some take very long. */
const snapshotDelays = [3, 3, 3, 20];

export class RaftNetwork {
  messages = 0;
  snapshots = 0;
  readonly #options: NetworkOptions;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #mixer: Mixer;
  readonly #ends = new Map<number, End>();
  /** By link: how many partitions cut it. */
  readonly #cuts = new Map<string, number>();

  constructor(options: NetworkOptions, modules: { readonly clock: Clock; readonly random: SeededRandom }) {
    this.#options = options;
    this.#clock = modules.clock;
    this.#random = modules.random;
    this.#mixer = new Mixer(calm, modules.random);
  }

  set mix(mix: Mix) {
    this.#mixer.mix = mix;
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
    this.#mixer.send(this.#copied(planted), (message) => this.#carry(message));
  }

  /** Some old messages arrive once more. */
  replay(count: number): void {
    this.#mixer.replay(count, (message) => this.#carry(this.#copied(message)));
  }

  async sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    const arriving = this.#mixer.snapshot(all);
    const delayMs = this.#mixer.heldUpMs() * (this.#random.pick(snapshotDelays) ?? 1);
    await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    const end = this.#ends.get(message.to);
    if (signal.aborted || !end?.isRunning || !this.#isOpen(message.from, message.to)) throw new Error("not reached");
    await end.receiveSnapshot(this.#copied(message), arriving());
    this.snapshots += 1;
  }

  async probe(from: number, to: number): Promise<ProbeOutcome> {
    await new Promise<void>((resolve) => void this.#clock.after(this.#mixer.heldUpMs(), resolve));
    const lie = this.#mixer.lie();
    if (lie !== undefined) return lie;
    if (!this.#isOpen(from, to) || !this.#isOpen(to, from)) return "unknown";
    return this.#ends.get(to)?.isRunning ? "alive" : "gone";
  }

  #carry(message: Message): void {
    const link = linkOf(message.from, message.to);
    if (this.#cuts.has(link)) return this.#lost(message);
    this.#clock.after(this.#mixer.delayMs(link, this.#clock.monotonic(), 0), () => {
      const end = this.#ends.get(message.to);
      if (this.#cuts.has(link) || !end?.isRunning) return this.#lost(message);
      this.messages += 1;
      end.receive(message);
    });
  }

  #lost({ from, to }: Message): void {
    if (this.#mixer.isNoticed()) this.#ends.get(from)?.unreachable(to);
  }

  /** Nobody shares a byte with whoever sent it (check-list 29); where it is not encoded, all rely on nobody changing it. */
  #copied(message: Message): Message {
    return this.#options.isEncoded ? Message.decode(Message.encode(message).finish()) : message;
  }

  #isOpen(from: number, to: number): boolean {
    return !this.#cuts.has(linkOf(from, to));
  }
}

function linkOf(from: number, to: number): string {
  return `${from}→${to}`;
}
