// Between the managers: messages of the consensus take time, are lost where the network is cut, suffer what a bad network does
// to them (mix.ts), and in some runs travel as bytes. A probe tells what a plain connect would.

import type { Clock } from "../../base/index.js";
import { Message } from "../../gen/skep/raft/v1/messages.js";
import type { Manager } from "../../manager/index.js";
import type { ProbeOutcome, Transport } from "../../raft/index.js";
import { type Mix, Mixer } from "../mix.js";
import type { SeededRandom } from "../random.js";
import type { SimProgram } from "./program.js";

/** A line on which nothing goes wrong. */
export const calm: Mix = { loss: 0, repeat: 0, delayMsMax: 0, isUnordered: false, lies: 0 };

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
  readonly #mixer: Mixer;

  constructor(options: { readonly delayMs: number; readonly isEncoded: boolean }, modules: RaftLinesModules) {
    this.#options = options;
    this.#modules = modules;
    this.#mixer = new Mixer(calm, modules.random);
  }

  /** From now on the lines are as bad as this. */
  set mix(mix: Mix) {
    this.#mixer.mix = mix;
  }

  /** Some old messages arrive once more. */
  replay(count: number): void {
    this.#mixer.replay(count, (message) => this.#carry(message));
  }

  /** The connections to this machine's manager break, and those whom `isNoticing` names learn of it; it lives on. */
  breakConnections(machine: string, isNoticing: () => boolean): void {
    const broken = [...this.#ends.values()].filter((end) => end.machine === machine && !end.program.isDead);
    for (const { raftId } of broken) {
      for (const { machine: other, program, manager } of this.#ends.values()) {
        if (other !== machine && isNoticing()) program.run(() => manager.connectionBroken(raftId));
      }
    }
  }

  /** A process begins. */
  join(end: RaftEnd): void {
    this.#ends.set(end.raftId, end);
    end.program.onEnd(() => this.#broke(end));
  }

  /** What the process of this member sends with. */
  transport(raftId: number, program: SimProgram): Transport {
    return {
      send: (messages) => {
        if (!program.isDead) for (const message of messages) this.#mixer.send(message, (each) => this.#carry(each));
      },
      sendSnapshot: (message, chunks, signal) => this.#sendSnapshot(message, chunks, signal),
      probe: (member) => program.call(() => this.#probe(this.#machineOf(raftId), member)),
    };
  }

  #carry(carried: Message): void {
    const { clock } = this.#modules;
    const message = this.#copied(carried);
    const machine = this.#machineOf(message.from);
    const delayMs = this.#mixer.delayMs(`${message.from}→${message.to}`, clock.monotonic(), this.#options.delayMs);
    clock.after(delayMs, () => {
      const end = this.#reached(machine, message.to);
      if (!end) return this.#lost(message);
      end.program.run(() => {
        if (end.isRemoved(message.from)) return this.#ends.get(message.from)?.toldRemoved();
        end.manager.step(message);
      });
    });
  }

  async #sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    const arriving = this.#mixer.snapshot(all);
    await this.#delay(snapshotDelays);
    const end = this.#reached(this.#machineOf(message.from), message.to);
    if (!end || end.program.isPaused || signal.aborted) throw new Error("not reached");
    await takenBy(end, this.#copied(message), arriving());
  }

  async #probe(machine: string, member: number): Promise<ProbeOutcome> {
    await this.#delay(2);
    const lie = this.#mixer.lie();
    if (lie !== undefined) return lie;
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

  #machineOf(raftId: number): string {
    return this.#ends.get(raftId)?.machine ?? "";
  }

  #reached(machine: string, raftId: number): RaftEnd | undefined {
    const end = this.#ends.get(raftId);
    return end && !end.program.isDead && this.#modules.isOpen(machine, end.machine) ? end : undefined;
  }

  #lost({ from, to }: Message): void {
    const end = this.#ends.get(from);
    if (end && this.#mixer.isNoticed()) end.program.run(() => end.manager.unreachable(to));
  }

  #copied(message: Message): Message {
    return this.#options.isEncoded ? Message.decode(Message.encode(message).finish()) : message;
  }

  #delay(times: number): Promise<void> {
    const delayMs = times * (this.#options.delayMs + this.#mixer.heldUpMs());
    return new Promise((resolve) => void this.#modules.clock.after(delayMs, resolve));
  }
}

/** A receiver that dies breaks the connection. */
function takenBy({ manager, program }: RaftEnd, message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = program.onEnd(() => reject(new Error("the receiver is gone")));
    manager.receiveSnapshot(message, chunks).then(resolve, reject).finally(stop);
  });
}
