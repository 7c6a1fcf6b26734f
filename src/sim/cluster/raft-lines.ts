// Between the managers: messages of the consensus take time, keep their order, are lost where the network is cut, and in some
// runs travel as bytes. A probe tells what a plain connect would.

import type { Clock } from "../../base/index.js";
import { Message } from "../../gen/skep/raft/v1/messages.js";
import type { Manager } from "../../manager/index.js";
import type { ProbeOutcome, Transport } from "../../raft/index.js";
import type { SeededRandom } from "../random.js";
import type { SimProgram } from "./program.js";

/** Of the messages that cannot arrive, so many are noticed. */
const noticedShare = 0.3;
/** A snapshot takes longer than a message. */
const snapshotDelays = 3;

/** A manager's process, at its machine's end of the lines. */
export interface RaftEnd {
  /** Its machine. */
  readonly machine: string;
  readonly raftId: number;
  readonly program: SimProgram;
  readonly manager: Pick<Manager, "step" | "receiveSnapshot" | "unreachable" | "connectionBroken">;
  /** Was this member removed for good, as this manager knows? */
  readonly isRemoved: (raftId: number) => boolean;
  /** Another member says that this one was removed. */
  readonly toldRemoved: () => void;
}

export interface RaftLinesModules {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly isOpen: (from: string, to: string) => boolean;
}

export class RaftLines {
  readonly #options: { readonly delayMs: number; readonly isEncoded: boolean };
  readonly #modules: RaftLinesModules;
  readonly #ends = new Map<number, RaftEnd>();

  constructor(options: { readonly delayMs: number; readonly isEncoded: boolean }, modules: RaftLinesModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** A process begins. */
  join(end: RaftEnd): void {
    this.#ends.set(end.raftId, end);
    end.program.onEnd(() => this.#broke(end));
  }

  /** What the process on `machine` sends with. */
  transport(machine: string, raftId: number, program: SimProgram): Transport {
    const self = { machine, raftId };
    return {
      send: (messages) => {
        if (!program.isDead) for (const message of messages) this.#send(machine, message);
      },
      sendSnapshot: (message, chunks, signal) => this.#sendSnapshot(machine, message, chunks, signal),
      probe: (member) => program.call(() => this.#probe(self, member)),
    };
  }

  #send(machine: string, sent: Message): void {
    const message = this.#copied(sent);
    this.#modules.clock.after(this.#options.delayMs, () => {
      const end = this.#reached(machine, message.to);
      if (!end) return this.#lost(message);
      end.program.run(() => {
        if (end.isRemoved(message.from)) return this.#ends.get(message.from)?.toldRemoved();
        end.manager.step(message);
      });
    });
  }

  async #sendSnapshot(
    machine: string,
    message: Message,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    await this.#delay(snapshotDelays);
    const end = this.#reached(machine, message.to);
    if (!end || end.program.isPaused || signal.aborted) throw new Error("not reached");
    async function* arriving(): AsyncGenerator<Uint8Array> {
      yield* all;
    }
    await end.manager.receiveSnapshot(this.#copied(message), arriving());
  }

  async #probe({ machine }: { readonly machine: string }, member: number): Promise<ProbeOutcome> {
    await this.#delay(2);
    const end = this.#ends.get(member);
    const { isOpen } = this.#modules;
    if (!end || !isOpen(machine, end.machine) || !isOpen(end.machine, machine)) return "unknown";
    return end.program.isDead ? "gone" : "alive";
  }

  /** The connections of a process that is dead break, and that is noticed where the network carries it. */
  #broke({ raftId, machine }: RaftEnd): void {
    for (const other of this.#ends.values()) {
      if (other.raftId === raftId) continue;
      this.#modules.clock.after(this.#options.delayMs, () => {
        if (this.#modules.isOpen(machine, other.machine)) {
          other.program.run(() => other.manager.connectionBroken(raftId));
        }
      });
    }
  }

  #reached(machine: string, raftId: number): RaftEnd | undefined {
    const end = this.#ends.get(raftId);
    return end && !end.program.isDead && this.#modules.isOpen(machine, end.machine) ? end : undefined;
  }

  #lost({ from, to }: Message): void {
    const end = this.#ends.get(from);
    if (end && this.#modules.random.chance(noticedShare)) end.program.run(() => end.manager.unreachable(to));
  }

  #copied(message: Message): Message {
    return this.#options.isEncoded ? Message.decode(Message.encode(message).finish()) : message;
  }

  #delay(times: number): Promise<void> {
    return new Promise((resolve) => void this.#modules.clock.after(times * this.#options.delayMs, resolve));
  }
}
