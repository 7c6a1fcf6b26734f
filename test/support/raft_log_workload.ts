// A seeded history of one log over many lives of its machine: appends, replaced suffixes, compaction, crashes at any
// disk operation, torn writes. After each restart the log must hold exactly what was acknowledged, or that and the one
// batch that was under way; nothing else.

import { type Disk, type DiskFile, silentLog } from "../../src/base/index.js";
import type { Entry, HardState, Position } from "../../src/gen/skep/raft/v1/raft.js";
import { type LoadedLog, RaftLog } from "../../src/raft/log/log.js";
import type { Batch } from "../../src/raft/log/records.js";
import { openSealer } from "../../src/raft/sealer.js";
import { SeededRandom, SimDisk, type Survival } from "../../src/sim/index.js";

export interface WorkloadOptions {
  readonly seed: number;
  readonly lives: number;
  /** Plants a bug between the log and the disk. */
  readonly wrap?: (disk: Disk) => Disk;
}

interface Model {
  readonly hardState: HardState;
  /** From index 1. */
  readonly entries: readonly Entry[];
}

export interface WorkloadResult {
  readonly acknowledged: number;
  readonly crashes: number;
  readonly overwritten: number;
  readonly dropped: number;
}

/** Throws when what a restart finds is not what it must be. */
export async function runLogWorkload(options: WorkloadOptions): Promise<WorkloadResult> {
  return new Workload(options).run();
}

/** A disk whose files are not synced, where `isMissing` says so, counting the syncs of each file from 0. */
export function withoutSync(isMissing: (sync: number) => boolean): (disk: Disk) => Disk {
  const deaf = (file: DiskFile): DiskFile => {
    let syncs = 0;
    return {
      write: (data, offset) => file.write(data, offset),
      read: (length, offset) => file.read(length, offset),
      size: () => file.size(),
      truncate: (length) => file.truncate(length),
      sync: async () => {
        if (!isMissing(syncs++)) await file.sync();
      },
      close: () => file.close(),
    };
  };
  return (disk) => ({ ...disk, open: async (path, options) => deaf(await disk.open(path, options)) });
}

/** A disk on which folders are never synced. */
export function withoutFolderSync(disk: Disk): Disk {
  return { ...disk, syncFolder: async () => {} };
}

const survivals: readonly Survival[] = ["nothing", "everything", "torn", "torn"];
const trailing = 3;

class Workload {
  readonly #options: WorkloadOptions;
  readonly #random: SeededRandom;
  readonly #disk = new SimDisk();
  #model: Model = { hardState: { term: 0, vote: 0, commit: 0 }, entries: [] };
  #attempt: Batch | undefined;
  #snapshot: Position = { index: 0, term: 0 };
  #acknowledged = 0;
  #crashes = 0;
  #overwritten = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<WorkloadResult> {
    for (let life = 0; life < this.#options.lives; life++) {
      if (this.#random.chance(0.8)) this.#disk.crashAfter(1 + this.#random.int(60));
      try {
        await this.#live(`seed ${this.#options.seed}, life ${life}`);
      } catch (error) {
        if (!this.#disk.isDead) throw error;
      }
      this.#die();
    }
    const first = Number(this.#disk.files()[0]?.slice(-10));
    const dropped = first - 1;
    return { acknowledged: this.#acknowledged, crashes: this.#crashes, overwritten: this.#overwritten, dropped };
  }

  async #live(name: string): Promise<void> {
    const mounted = this.#disk.mount();
    const disk = this.#options.wrap?.(mounted) ?? mounted;
    const log = new RaftLog({ folder: "log", segmentBytes: 1024 }, { disk, sealer: openSealer, log: silentLog });
    this.#accept(name, await log.open(this.#snapshot));
    for (let step = this.#random.int(40); step > 0; step--) await this.#step(log);
    if (this.#random.chance(0.3)) await log.close();
  }

  async #step(log: RaftLog): Promise<void> {
    if (this.#random.chance(0.1)) return this.#compact(log);
    const batch = this.#draw();
    this.#attempt = batch;
    await log.append(batch);
    this.#model = after(this.#model, batch);
    this.#attempt = undefined;
    this.#acknowledged += 1;
  }

  async #compact(log: RaftLog): Promise<void> {
    const entry = this.#model.entries[this.#model.hardState.commit - 1];
    if (!entry) return;
    this.#snapshot = { index: entry.index, term: entry.term };
    await log.dropThrough(entry.index - trailing);
  }

  #draw(): Batch {
    const { hardState, entries } = this.#model;
    const random = this.#random;
    const isNewTerm = random.chance(0.2);
    const term = hardState.term + (isNewTerm ? 1 : 0);
    const vote = isNewTerm || hardState.vote === 0 ? random.int(3) : hardState.vote;
    const commit = hardState.commit + random.int(entries.length - hardState.commit + 1);
    const isChanged = isNewTerm || vote !== hardState.vote || random.chance(0.5);
    const keep = isNewTerm && random.chance(0.5) ? commit + random.int(entries.length - commit + 1) : entries.length;
    const count = random.int(4) + (isChanged ? 0 : 1);
    if (keep < entries.length && count > 0) this.#overwritten += 1;
    const added = Array.from({ length: count }, (_, at): Entry => {
      // Some larger than a sector, some larger than a segment.
      const length = random.chance(0.05) ? 1500 : random.chance(0.3) ? 300 + random.int(500) : random.int(60);
      return { index: keep + at + 1, term, kind: 0, data: Buffer.from(random.bytes(length)) };
    });
    return { hardState: isChanged ? { term, vote, commit } : undefined, entries: added };
  }

  #accept(name: string, loaded: LoadedLog): void {
    const possible = this.#attempt ? [this.#model, after(this.#model, this.#attempt)] : [this.#model];
    const found = possible.find((model) => isSame(model, loaded, this.#snapshot));
    if (!found) throw new Error(`${name}: the log is not what was acknowledged: ${describe(possible, loaded)}`);
    this.#model = found;
    this.#attempt = undefined;
  }

  #die(): void {
    this.#crashes += this.#disk.isDead ? 1 : 0;
    const survival = this.#random.pick(survivals) ?? "nothing";
    // A killed process leaves the cache, and the machine may die later.
    if (this.#random.chance(0.3)) this.#disk.kill();
    else this.#disk.crash(survival, this.#random);
  }
}

function after(model: Model, batch: Batch): Model {
  const first = batch.entries[0];
  const kept = first ? model.entries.slice(0, first.index - 1) : model.entries;
  return { hardState: batch.hardState ?? model.hardState, entries: [...kept, ...batch.entries] };
}

function isSame(model: Model, loaded: LoadedLog, snapshot: Position): boolean {
  const commit = Math.max(model.hardState.commit, snapshot.index);
  const { hardState } = loaded;
  if (hardState.term !== model.hardState.term || hardState.vote !== model.hardState.vote) return false;
  // The first entry kept may serve as the base: of that one the term is enough.
  if (hardState.commit !== commit || loaded.base.index > Math.max(0, snapshot.index - trailing + 1)) return false;
  const expected = model.entries.slice(loaded.base.index);
  return (
    expected.length === loaded.entries.length &&
    expected.every((entry, at) => {
      const read = loaded.entries[at];
      return read?.index === entry.index && read.term === entry.term && read.data.equals(entry.data);
    })
  );
}

function describe(possible: readonly Model[], loaded: LoadedLog): string {
  const show = (state: HardState, entries: readonly Entry[]): string =>
    `${JSON.stringify(state)} up to ${entries.at(-1)?.index}@${entries.at(-1)?.term}`;
  const expected = possible.map((model) => show(model.hardState, model.entries)).join(" or ");
  return `expected ${expected}, found ${show(loaded.hardState, loaded.entries)} after ${loaded.base.index}`;
}
