// A light load of writes through the API of every manager, as many a second whatever the managers do, and the account of it:
// which write was begun and accepted when, and at the end whether anything that was acknowledged is gone.

import type { DockerHttp } from "./http.js";
import { makeRegisters, type Outcome, readRegister, writeRegister } from "./registers.js";

export interface Write {
  readonly register: string;
  readonly value: string;
  /** Name of the manager that was asked. */
  readonly door: string;
  readonly begunAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
}

export interface Door {
  readonly name: string;
  readonly http: DockerHttp;
}

export interface Account {
  readonly acknowledged: number;
  /** Registers that hold an older value than was acknowledged. */
  readonly lost: readonly string[];
  /** Registers that hold a value although its writer was told that it would not be written. */
  readonly belied: readonly string[];
}

export interface WriteLoadOptions {
  /** Writes a second that are begun at each door. */
  readonly perSecond: number;
  /** Registers of each door: as many writes can be under way there. */
  readonly registers: number;
}

const ATTEMPT_MS = 5_000;
/** Between two tries of a writer that goes on until one is accepted. */
const AGAIN_MS = 5;

interface Register {
  readonly name: string;
  isBusy: boolean;
  /** To write at; undefined when it must be read first. */
  version: number | undefined;
  writes: number;
}

export class WriteLoad {
  readonly #doors: readonly { readonly door: Door; readonly registers: readonly Register[] }[];
  readonly #writes: Write[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #closed: ReadonlySet<string> = new Set();

  private constructor(doors: readonly Door[], options: WriteLoadOptions) {
    this.#doors = doors.map((door) => ({
      door,
      registers: Array.from({ length: options.registers }, (_, at) => ({
        ...{ name: `${door.name}-${at}`, isBusy: false, version: undefined, writes: 0 },
      })),
    }));
  }

  /** Makes the registers through the first door and begins. */
  static async start(doors: readonly Door[], options: WriteLoadOptions): Promise<WriteLoad> {
    const load = new WriteLoad(doors, options);
    const [first] = doors;
    if (first === undefined) throw new Error("a load needs a manager");
    await makeRegisters(
      first.http,
      load.#doors.flatMap(({ registers }) => registers.map(({ name }) => name)),
    );
    load.#timer = setInterval(() => load.#beat(), 1_000 / options.perSecond);
    return load;
  }

  /** All that ended so far, in the order of their ends. */
  get writes(): readonly Write[] {
    return this.#writes;
  }

  /** Begins no writes at these doors from now on: their managers are dead, or cut off with nobody to ask them. */
  close(names: readonly string[]): void {
    this.#closed = new Set(names);
  }

  /** Writes at all open doors, one after the other at each and beside the steady load, until `isOver`. */
  async press(isOver: () => boolean): Promise<void> {
    await Promise.all(
      this.#open().map(async ({ door, registers }) => {
        while (!isOver()) {
          if ((await this.#write(door, registers)) === "yes") continue;
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }),
    );
  }

  /** Ends the load; returns when the last write has its outcome. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  /** Reads every register through `door` and holds it against what the writers were told. */
  async account(door: Door): Promise<Account> {
    const account = { acknowledged: this.#writes.filter(({ outcome }) => outcome === "yes").length };
    const [lost, belied]: [string[], string[]] = [[], []];
    for (const { name } of this.#doors.flatMap(({ registers }) => registers)) {
      const reading = await readRegister(door.http, name);
      if (reading === undefined) throw new Error(`${name} cannot be read`);
      const [sure, writes] = sinceSure(this.#writes.filter(({ register }) => register === name));
      if (reading.value === sure) continue;
      const found = writes.find(({ value }) => value === reading.value);
      if (found === undefined) lost.push(`${name} holds "${reading.value}", but "${sure}" was acknowledged`);
      else if (found.outcome === "no") belied.push(`${name} holds "${reading.value}", whose write was refused`);
    }
    return { ...account, lost, belied };
  }

  #open(): readonly { readonly door: Door; readonly registers: readonly Register[] }[] {
    return this.#doors.filter(({ door }) => !this.#closed.has(door.name));
  }

  #beat(): void {
    for (const { door, registers } of this.#open()) {
      const write = this.#write(door, registers);
      this.#underWay.add(write);
      void write.finally(() => this.#underWay.delete(write));
    }
  }

  /** One write to a register that has none under way; "no" when all have. */
  async #write(door: Door, registers: readonly Register[]): Promise<Outcome> {
    const register =
      registers.find(({ isBusy, version }) => !isBusy && version !== undefined) ??
      registers.find(({ isBusy }) => !isBusy);
    if (register === undefined) return "no";
    register.isBusy = true;
    try {
      return await this.#writeTo(register, door);
    } finally {
      register.isBusy = false;
    }
  }

  async #writeTo(register: Register, door: Door): Promise<Outcome> {
    register.version ??= (await readRegister(door.http, register.name, ATTEMPT_MS))?.version;
    if (register.version === undefined) return "no";
    const value = String(++register.writes);
    const begunAt = performance.now();
    const reading = { version: register.version, value };
    const outcome = await writeRegister(door.http, register.name, reading, ATTEMPT_MS);
    const endedAt = performance.now();
    this.#writes.push({ register: register.name, value, door: door.name, begunAt, endedAt, outcome });
    register.version = undefined;
    if (outcome === "yes") register.version = (await readRegister(door.http, register.name, ATTEMPT_MS))?.version;
    return outcome;
  }
}

/** The last acknowledged value of a register, whose writes came one after the other, and the writes after it. */
function sinceSure(writes: readonly Write[]): readonly [string, readonly Write[]] {
  const sure = writes.findLastIndex(({ outcome }) => outcome === "yes");
  return [writes[sure]?.value ?? "", writes.slice(sure + 1)];
}
