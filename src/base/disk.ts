// The part of a file system that durable state needs, so that a simulated disk can forget what was not synced.
// Paths are relative to the root the disk was opened at; "/" separates folders.

/** A file open for positioned writing. One writer at a time. */
export interface DiskFile {
  /** Writes all of `data` at `offset`; durable only after `sync`. */
  write(data: Uint8Array, offset: number): Promise<void>;
  /**
   * `write`, and durable once it resolves, as if `sync` had followed for this part of the file: where one call of the system
   * does both. Absent where there is none.
   */
  writeThrough?(data: Uint8Array, offset: number): Promise<void>;
  /** Reads up to `length` bytes at `offset`; fewer at the end of the file. */
  read(length: number, offset: number): Promise<Uint8Array>;
  size(): Promise<number>;
  /** Makes the file `length` bytes long: cut, or filled up with zeros. */
  truncate(length: number): Promise<void>;
  /** Everything written to this file so far survives a crash once this resolves (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Opens for reading and writing; `create` makes it (mode 0600) when absent, else absence is an error. */
  open(path: string, options?: { readonly create?: boolean }): Promise<DiskFile>;
  /** The whole content, or undefined when there is no such file. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Writes beside `path`, syncs, renames over it and syncs the folder: after a crash the old or the new is there, whole. */
  replaceFile(path: string, data: Uint8Array): Promise<void>;
  /** Names in a folder, sorted; empty when it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes the folder and those above it where absent; they survive a crash once this resolves. */
  makeFolder(folder: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all it holds; absence is no error. */
  remove(path: string): Promise<void>;
  /** Creations, renames and removals in this folder survive a crash once this resolves. */
  syncFolder(folder: string): Promise<void>;
}
