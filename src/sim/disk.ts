// A disk in memory that forgets what was not synced: content by file, names by folder. A crash decides what of the
// unsynced survives; bits flip, space ends and operations take virtual time when a test says so.

import { type Clock, type Disk, type DiskFile, invariant, sleep } from "../base/index.js";
import { crashed, diskError, Inode, type Survival } from "./disk_inode.js";
import type { SeededRandom } from "./random.js";

export type { Survival } from "./disk_inode.js";

export interface SimDiskOptions {
  /** Needed as soon as an operation is to take time. */
  readonly clock?: Clock;
  /** The sum of all file sizes the disk can hold; unbounded when absent. */
  readonly capacityBytes?: number;
  /** Counts the operations of several disks together. */
  readonly work?: { count: number };
}

export type DiskOperation = "open" | "write" | "read" | "truncate" | "sync" | "rename" | "remove" | "syncFolder";

/** A change of a folder that is not yet synced. */
interface NameChange {
  readonly folders: ReadonlySet<string>;
  apply(names: Map<string, Inode>): void;
}

export class SimDisk implements Disk {
  /** May be changed at any time; Infinity for unbounded. */
  capacityBytes: number;
  /** Virtual milliseconds an operation takes, by kind. */
  readonly delayMs: Partial<Record<DiskOperation, number>> = {};
  /**
   * The next operation of this kind fails (EIO), once; what was not synced stays so. After a failed sync as Linux has it: the
   * file shows what was written, and no later sync makes it durable; only to write it again does.
   */
  failNext: DiskOperation | undefined;
  /** Operations so far, by kind, refused ones included. */
  readonly counts: Record<DiskOperation, number>;
  readonly #clock: Clock | undefined;
  readonly #work: { count: number };
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  /** Goes up with each crash: what was opened before is dead. */
  #life = 0;
  #operations = 0;
  #crashAt = Number.POSITIVE_INFINITY;

  constructor(options: SimDiskOptions = {}) {
    this.#clock = options.clock;
    this.#work = options.work ?? { count: 0 };
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.counts = { open: 0, write: 0, read: 0, truncate: 0, sync: 0, rename: 0, remove: 0, syncFolder: 0 };
  }

  /** All operations so far, in this life of the disk. */
  get operations(): number {
    return this.#operations;
  }

  /**
   * Everything stops within the `n`-th operation from now (1 = the next): a write has its effect, unsynced, a sync has
   * none, and none ends well. `crash` or `kill` says what it was and brings the disk back.
   */
  crashAfter(n: number): void {
    this.#crashAt = this.#operations + n;
  }

  /** True once everything stopped by `crashAfter`. */
  get isDead(): boolean {
    return this.#operations >= this.#crashAt;
  }

  /**
   * The machine dies and comes back. Synced content and names are there; of the rest, what `survival` says:
   * nothing, everything, or "torn": for each unsynced write a prefix or a subset of its 512-byte sectors, and of the
   * unsynced names a prefix, drawn from `random`.
   */
  crash(survival: Survival, random: SeededRandom): void {
    this.kill();
    const inodes = new Set([...this.#names.values(), ...this.#durableNames.values()]);
    for (const inode of inodes) inode.crash(survival, random);
    const kept = { nothing: 0, everything: this.#changes.length, torn: random.int(this.#changes.length + 1) }[survival];
    for (const change of this.#changes.slice(0, kept)) change.apply(this.#durableNames);
    this.#changes = [];
    this.#names = new Map(this.#durableNames);
  }

  /** The process dies, the machine lives on: what was written is still there to be read, and still not durable. */
  kill(): void {
    this.#life += 1;
    this.#operations = 0;
    this.#crashAt = Number.POSITIVE_INFINITY;
  }

  /** The disk as one process sees it: once the process or the machine has died, nothing it does has any effect. */
  mount(): Disk {
    const life = this.#life;
    const alive = async <T>(operation: () => Promise<T>): Promise<T> => {
      if (life !== this.#life) throw crashed();
      return operation();
    };
    return {
      open: (path, options) => alive(() => this.open(path, options)),
      readFile: (path) => alive(() => this.readFile(path)),
      replaceFile: (path, data) => alive(() => this.replaceFile(path, data)),
      list: (folder) => alive(() => this.list(folder)),
      makeFolder: (folder) => alive(() => this.makeFolder(folder)),
      rename: (from, to) => alive(() => this.rename(from, to)),
      remove: (path) => alive(() => this.remove(path)),
      syncFolder: (folder) => alive(() => this.syncFolder(folder)),
    };
  }

  /** All files, sorted. */
  files(): readonly string[] {
    return [...this.#names]
      .filter(([, inode]) => !inode.isFolder)
      .map(([name]) => name)
      .sort();
  }

  /** The content as a reader sees it now. */
  content(path: string): Uint8Array {
    return this.#file(path).content.slice();
  }

  /** Turns one bit of a file over, durably and without a word. */
  flipBit(path: string, bit: number): void {
    this.#file(path).flipBit(bit);
  }

  async open(path: string, options: { readonly create?: boolean } = {}): Promise<DiskFile> {
    await this.#operate("open");
    let inode = this.#names.get(path);
    if (!inode) {
      if (!options.create) throw diskError("ENOENT", `open '${path}'`);
      this.#requireFolder(path);
      const created = new Inode(false);
      this.#change([path], (names) => names.set(path, created));
      inode = created;
    }
    return this.#handle(inode);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    await this.#operate("read");
    const inode = this.#names.get(path);
    return inode && !inode.isFolder ? inode.content.slice() : undefined;
  }

  async replaceFile(path: string, data: Uint8Array): Promise<void> {
    const beside = `${path}.tmp`;
    await this.remove(beside);
    const file = await this.open(beside, { create: true });
    await file.write(data, 0);
    await file.sync();
    await file.close();
    await this.rename(beside, path);
    await this.syncFolder(folderOf(path));
  }

  async list(folder: string): Promise<readonly string[]> {
    await this.#operate("read");
    const inside = [...this.#names.keys()].filter((name) => name !== "" && folderOf(name) === folder);
    return inside.map((name) => name.slice(folder === "" ? 0 : folder.length + 1)).sort();
  }

  /** Durable at once: no caller of ours relies on it being otherwise, and a folder without its files harms nobody. */
  async makeFolder(folder: string): Promise<void> {
    await this.#operate("open");
    for (let name = folder; name !== ""; name = folderOf(name)) {
      if (this.#names.has(name)) continue;
      const inode = new Inode(true);
      this.#names.set(name, inode);
      this.#durableNames.set(name, inode);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const dead = this.#begin("rename");
    const inode = this.#names.get(from);
    if (!inode) throw diskError("ENOENT", `rename '${from}'`);
    this.#change([from, to], (names) => {
      names.delete(from);
      names.set(to, inode);
    });
    await this.#end("rename", dead);
  }

  async remove(path: string): Promise<void> {
    const dead = this.#begin("remove");
    const gone = [...this.#names.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
    if (gone.length > 0) {
      this.#change(gone, (names) => {
        for (const name of gone) names.delete(name);
      });
    }
    await this.#end("remove", dead);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#operate("syncFolder");
    const isHere = (change: NameChange): boolean => change.folders.has(folder);
    for (const change of this.#changes.filter(isHere)) change.apply(this.#durableNames);
    this.#changes = this.#changes.filter((change) => !isHere(change));
  }

  #handle(inode: Inode): DiskFile {
    const life = this.#life;
    const alive = (): void => {
      if (life !== this.#life) throw crashed();
    };
    return {
      write: async (data, offset) => {
        alive();
        const dead = this.#begin("write");
        this.#requireSpace(inode, offset + data.length);
        inode.write(data, offset);
        await this.#end("write", dead);
        alive();
      },
      read: async (length, offset) => {
        alive();
        await this.#operate("read");
        alive();
        return inode.content.slice(offset, offset + length);
      },
      size: async () => inode.content.length,
      truncate: async (length) => {
        alive();
        const dead = this.#begin("truncate");
        this.#requireSpace(inode, length);
        inode.truncate(length);
        await this.#end("truncate", dead);
        alive();
      },
      sync: async () => {
        alive();
        const covered = inode.changes;
        await this.#operate("sync").catch((error: unknown) => {
          if (!this.isDead && life === this.#life) inode.giveUp(covered);
          throw error;
        });
        alive();
        inode.sync(covered);
      },
      close: async () => {},
    };
  }

  /** For an operation whose effect comes at its end. */
  async #operate(operation: DiskOperation): Promise<void> {
    await this.#end(operation, this.#begin(operation));
  }

  /** Counts the operation; true when the machine dies within it. Throws when it is dead already. */
  #begin(operation: DiskOperation): boolean {
    this.counts[operation] += 1;
    this.#work.count += 1;
    if (this.isDead) throw crashed();
    this.#operations += 1;
    return this.isDead;
  }

  async #end(operation: DiskOperation, dies: boolean): Promise<void> {
    if (dies) throw crashed();
    const life = this.#life;
    const delayMs = this.delayMs[operation] ?? 0;
    if (delayMs > 0) {
      invariant(this.#clock, "a disk that takes time has a clock");
      await sleep(this.#clock, delayMs);
    } else {
      await Promise.resolve();
    }
    if (life !== this.#life || this.isDead) throw crashed();
    if (this.failNext !== operation) return;
    this.failNext = undefined;
    throw diskError("EIO", operation);
  }

  #change(paths: readonly string[], apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#changes.push({ folders: new Set(paths.map(folderOf)), apply });
  }

  #requireSpace(inode: Inode, length: number): void {
    const more = length - inode.content.length;
    if (more <= 0) return;
    let used = 0;
    for (const other of new Set(this.#names.values())) used += other.content.length;
    if (used + more > this.capacityBytes) throw diskError("ENOSPC", "write");
  }

  #requireFolder(path: string): void {
    const folder = folderOf(path);
    if (folder !== "" && !this.#names.get(folder)?.isFolder) throw diskError("ENOENT", `open '${path}'`);
  }

  #file(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw diskError("ENOENT", `'${path}'`);
    return inode;
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
