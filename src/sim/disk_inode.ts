// A file's content on the simulated disk: what is durable, and the unsynced writes on top of it.

import type { SeededRandom } from "./random.js";

/** What a crash leaves of unsynced writes. */
export type Survival = "nothing" | "everything" | "torn";

/** An error as Node's file system gives them. */
interface SimDiskError extends Error {
  readonly code: "ENOENT" | "ENOSPC" | "EIO" | "CRASHED";
}

export function diskError(code: SimDiskError["code"], what: string): SimDiskError {
  const texts = { ENOENT: "no such file or directory", ENOSPC: "no space left on device", EIO: "i/o error" } as const;
  const text = code === "CRASHED" ? "the simulated machine is down" : texts[code];
  return Object.assign(new Error(`${code}: ${text}, ${what}`), { code });
}

/** What operations of a dead machine end with; nobody is there to see it. */
export function crashed(): SimDiskError {
  return diskError("CRASHED", "disk operation");
}

const sectorBytes = 512;

type Unsynced =
  | { readonly kind: "write"; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: "truncate"; readonly length: number };

export class Inode {
  readonly isFolder: boolean;
  #content: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  /** The space behind `#content` may be larger, so that appends do not copy each time. */
  #length = 0;
  #durable: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  #unsynced: Unsynced[] = [];
  #syncedChanges = 0;

  constructor(isFolder: boolean) {
    this.isFolder = isFolder;
  }

  /** As a reader sees it. Not a copy. */
  get content(): Uint8Array {
    return this.#content.subarray(0, this.#length);
  }

  /** Changes so far; what a sync that begins now covers. */
  get changes(): number {
    return this.#syncedChanges + this.#unsynced.length;
  }

  write(data: Uint8Array, offset: number): void {
    const change = { kind: "write", offset, data: data.slice() } as const;
    this.#unsynced.push(change);
    this.#grow(offset + data.length);
    this.#content.set(data, offset);
  }

  truncate(length: number): void {
    this.#unsynced.push({ kind: "truncate", length });
    this.#resize(length);
  }

  /** Makes the first `changes` changes durable: what came while the sync was under way is not covered. */
  sync(changes: number): void {
    const covered = this.#unsynced.splice(0, Math.max(0, changes - this.#syncedChanges));
    this.#syncedChanges += covered.length;
    for (const change of covered) this.#durable = applied(this.#durable, change);
  }

  /** A sync of the first `changes` changes failed: the cache keeps them and takes them for written. They never will be. */
  giveUp(changes: number): void {
    const covered = this.#unsynced.splice(0, Math.max(0, changes - this.#syncedChanges));
    this.#syncedChanges += covered.length;
  }

  crash(survival: Survival, random: SeededRandom): void {
    const left = this.#unsynced.splice(0);
    if (survival !== "nothing") {
      for (const change of left) {
        if (survival === "everything") this.#durable = applied(this.#durable, change);
        else for (const part of torn(change, random)) this.#durable = applied(this.#durable, part);
      }
    }
    this.#content = this.#durable.slice();
    this.#length = this.#content.length;
  }

  flipBit(bit: number): void {
    for (const bytes of [this.content, this.#durable]) {
      const at = bit >> 3;
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
  }

  #resize(length: number): void {
    this.#grow(length);
    this.#content.fill(0, length);
    this.#length = length;
  }

  #grow(length: number): void {
    if (length > this.#content.length) {
      const larger = new Uint8Array(Math.max(length, this.#content.length * 2));
      larger.set(this.content);
      this.#content = larger;
    }
    this.#length = Math.max(this.#length, length);
  }
}

/** `bytes` after the change; in place where the length allows. */
function applied(bytes: Uint8Array, change: Unsynced): Uint8Array {
  const length =
    change.kind === "truncate" ? change.length : Math.max(bytes.length, change.offset + change.data.length);
  let out = bytes;
  if (length !== bytes.length) {
    out = new Uint8Array(length);
    out.set(bytes.subarray(0, length));
  }
  if (change.kind === "write") out.set(change.data, change.offset);
  return out;
}

/** What reached the platter: a prefix, or any subset of the sectors touched. */
function torn(change: Unsynced, random: SeededRandom): Unsynced[] {
  if (change.kind === "truncate") return random.chance(0.5) ? [change] : [];
  const { data, offset } = change;
  if (random.chance(0.5)) return [{ kind: "write", offset, data: data.subarray(0, random.int(data.length + 1)) }];
  const parts: Unsynced[] = [];
  for (let at = 0; at < data.length; ) {
    const end = Math.min(data.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (random.chance(0.5)) parts.push({ kind: "write", offset: offset + at, data: data.subarray(at, end) });
    at = end;
  }
  return parts;
}
