// The machine's file system behind `Disk`. Callback fs, not promises: a log sync is on every write's path, and the
// promise API costs a fifth of it.

import fs from "node:fs";
import path from "node:path";
import type { Disk, DiskFile } from "../disk.js";
import { invariant } from "../invariant.js";

const fileMode = 0o600;
const folderMode = 0o700;

/** The disk below `rootPath`, which is made when it is absent. */
export function openDisk(rootPath: string): Disk {
  const root = path.resolve(rootPath);
  const made = fs.mkdirSync(root, { recursive: true, mode: folderMode });
  for (const parent of parentsOfNew(root, made)) {
    const fd = fs.openSync(parent, "r");
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }
  return new HostDisk(root);
}

class HostDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async open(name: string, options: { readonly create?: boolean } = {}): Promise<DiskFile> {
    const flags = fs.constants.O_RDWR | (options.create ? fs.constants.O_CREAT : 0);
    return new HostFile(await call<number>((done) => fs.open(this.#at(name), flags, fileMode, done)));
  }

  async readFile(name: string): Promise<Uint8Array | undefined> {
    try {
      return await call<Buffer>((done) => fs.readFile(this.#at(name), done));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async replaceFile(name: string, data: Uint8Array): Promise<void> {
    const beside = `${name}.tmp`;
    await this.remove(beside);
    const file = await this.open(beside, { create: true });
    try {
      await file.write(data, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.rename(beside, name);
    await this.syncFolder(path.posix.dirname(name));
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return (await call<string[]>((done) => fs.readdir(this.#at(folder), done))).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  async makeFolder(folder: string): Promise<void> {
    const full = this.#at(folder);
    const made = await call<string | undefined>((done) =>
      fs.mkdir(full, { recursive: true, mode: folderMode }, (error, first) => done(error, first)),
    );
    for (const parent of parentsOfNew(full, made)) await syncFolderAt(parent);
  }

  rename(from: string, to: string): Promise<void> {
    return call<void>((done) => fs.rename(this.#at(from), this.#at(to), done));
  }

  remove(name: string): Promise<void> {
    return call<void>((done) => fs.rm(this.#at(name), { recursive: true, force: true }, done));
  }

  syncFolder(folder: string): Promise<void> {
    return syncFolderAt(this.#at(folder));
  }

  #at(name: string): string {
    const full = path.join(this.#root, name);
    invariant(full === this.#root || full.startsWith(this.#root + path.sep), "a path inside the disk", { name });
    return full;
  }
}

class HostFile implements DiskFile {
  readonly #fd: number;
  /** The same file, each write of which is a sync too: a second trip to the thread pool was a tenth of what a write costs. */
  #through: Promise<number | undefined> | undefined;
  #throughFd: number | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(data: Uint8Array, offset: number): Promise<void> {
    return writeAll(this.#fd, data, offset);
  }

  /** Once the file is open for this, the write is on its way when the call returns. */
  writeThrough(data: Uint8Array, offset: number): Promise<void> {
    if (this.#throughFd !== undefined) return writeAll(this.#throughFd, data, offset);
    return this.#firstThrough(data, offset);
  }

  async #firstThrough(data: Uint8Array, offset: number): Promise<void> {
    this.#through ??= this.#reopened();
    this.#throughFd = await this.#through;
    if (this.#throughFd !== undefined) return writeAll(this.#throughFd, data, offset);
    await this.write(data, offset);
    await this.sync();
  }

  async read(length: number, offset: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const got = await call<number>((cb) => fs.read(this.#fd, out, done, length - done, offset + done, cb));
      if (got === 0) break;
      done += got;
    }
    return done === length ? out : out.subarray(0, done);
  }

  async size(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#fd, done))).size;
  }

  truncate(length: number): Promise<void> {
    return call<void>((done) => fs.ftruncate(this.#fd, length, done));
  }

  sync(): Promise<void> {
    return call<void>((done) => fs.fdatasync(this.#fd, done));
  }

  /** Under whatever name it has by now; undefined without /proc. */
  async #reopened(): Promise<number | undefined> {
    try {
      return await call<number>((done) => fs.open(`/proc/self/fd/${this.#fd}`, throughFlags, done));
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    const through = await this.#through;
    if (through !== undefined) await call<void>((done) => fs.close(through, done));
    await call<void>((done) => fs.close(this.#fd, done));
  }
}

const throughFlags = fs.constants.O_RDWR | fs.constants.O_DSYNC;

/** The system may take less than it is given. */
async function writeAll(fd: number, data: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    done += await call<number>((cb) => fs.write(fd, data, done, data.length - done, offset + done, cb));
  }
}

async function syncFolderAt(full: string): Promise<void> {
  const fd = await call<number>((done) => fs.open(full, "r", done));
  try {
    await call<void>((done) => fs.fsync(fd, done));
  } finally {
    await call<void>((done) => fs.close(fd, done));
  }
}

/** The folders that got a new name in them when `folder` was made and `firstMade` was its first new part. */
function parentsOfNew(folder: string, firstMade: string | undefined): readonly string[] {
  if (firstMade === undefined) return [];
  const parents: string[] = [];
  for (let at = folder; at.length >= firstMade.length; at = path.dirname(at)) parents.push(path.dirname(at));
  return parents;
}

type Done<T> = (error: NodeJS.ErrnoException | null, result?: T) => void;

function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      else resolve(result as T);
    });
  });
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
