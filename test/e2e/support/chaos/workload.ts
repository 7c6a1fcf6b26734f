// Clients that read registers and swap what they read, each at a door of its own, and the history of all they were told.

import type { SeededRandom } from "../../../../src/sim/index.js";
import type { Operation } from "../../../../src/sim/linearizable.js";
import type { RegisterInput, RegisterOutput } from "../../../../src/sim/register.js";
import type { ManagerHost } from "../managers.js";
import { type Reading, readRegister, writeRegister } from "../registers.js";

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

export interface WorkloadOptions {
  readonly registers: readonly string[];
  /** Clients of each door. */
  readonly clients: number;
  /** Mean milliseconds between an answer and the next call. */
  readonly thinkMs: number;
}

/** A client that has no answer after this asks something else; what it asked for may yet happen. */
const CALL_MS = 5_000;

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #history: RegisterOperation[] = [];
  readonly #clients: Promise<void>[];
  #isStopped = false;
  #lastYesAt: Readonly<Record<string, number>> = {};

  constructor(doors: readonly ManagerHost[], random: SeededRandom, options: WorkloadOptions) {
    this.#options = options;
    this.#clients = doors.flatMap((door) =>
      Array.from({ length: options.clients }, (_, at) =>
        this.#run(door, `${door.name}/${at}`, random.fork(`${door.name}/${at}`)),
      ),
    );
  }

  /** All operations so far, those under way left out. */
  get history(): readonly RegisterOperation[] {
    return this.#history;
  }

  /** When a write at that door was last accepted (performance.now); undefined before the first. */
  lastAcceptedAt(door: ManagerHost): number | undefined {
    return this.#lastYesAt[door.name];
  }

  /** Returns when every client has had its answer, or has waited long enough for it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #run(door: ManagerHost, client: string, random: SeededRandom): Promise<void> {
    const seen = new Map<string, Reading>();
    for (let at = 0; !this.#isStopped; at += 1) {
      await new Promise((resolve) => setTimeout(resolve, this.#options.thinkMs * 2 * random.next()));
      const name = random.pick(this.#options.registers) ?? "";
      const last = seen.get(name);
      if (last === undefined || random.chance(0.4)) await this.#read(door, client, name, seen);
      else await this.#swap(door, client, name, { ...last, value: `${client}:${at}` }, last.value);
      if (last !== undefined && !random.chance(0.4)) seen.delete(name);
    }
  }

  async #read(door: ManagerHost, client: string, key: string, seen: Map<string, Reading>): Promise<void> {
    const calledAt = performance.now();
    const reading = await readRegister(door.http, key, CALL_MS);
    if (reading === undefined) return; // a read without an answer says nothing
    seen.set(key, reading);
    const returned = { at: performance.now(), output: reading.value };
    this.#history.push({ client, input: { kind: "read", key }, calledAt, returned });
  }

  async #swap(door: ManagerHost, client: string, key: string, to: Reading, expected: string): Promise<void> {
    const calledAt = performance.now();
    const outcome = await writeRegister(door.http, key, to, CALL_MS);
    const at = performance.now();
    const input = { kind: "swap", key, expected, value: to.value } as const;
    const returned = outcome === "unknown" ? undefined : { at, output: outcome === "yes" };
    this.#history.push({ client, input, calledAt, returned });
    if (outcome === "yes") this.#lastYesAt = { ...this.#lastYesAt, [door.name]: at };
  }
}
