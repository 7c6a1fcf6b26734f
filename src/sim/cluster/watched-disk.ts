// The manager's disk as its process sees it, telling when the log became durable and when the machine died at it.

import type { Disk, DiskFile } from "../../base/index.js";
import type { SimProgram } from "./program.js";

export interface DiskEvents {
  readonly onSynced: () => void;
  /** An operation failed; perhaps because there is no machine any more. */
  readonly onFailed: () => void;
}

export function watchedDisk(program: SimProgram, disk: Disk, events: DiskEvents): Disk {
  const call = caller(program, events);
  return {
    open: async (path, options) => watchedFile(await call(() => disk.open(path, options)), call, events),
    readFile: (path) => call(() => disk.readFile(path)),
    replaceFile: (path, data) => call(() => disk.replaceFile(path, data)),
    list: (folder) => call(() => disk.list(folder)),
    makeFolder: (folder) => call(() => disk.makeFolder(folder)),
    rename: (from, to) => call(() => disk.rename(from, to)),
    remove: (path) => call(() => disk.remove(path)),
    syncFolder: (folder) => call(() => disk.syncFolder(folder)),
  };
}

type Call = <T>(fn: () => Promise<T>) => Promise<T>;

function caller(program: SimProgram, { onFailed }: DiskEvents): Call {
  return (fn) =>
    program.call(async () => {
      try {
        return await fn();
      } catch (error) {
        onFailed();
        throw error;
      }
    });
}

function watchedFile(file: DiskFile, call: Call, { onSynced }: DiskEvents): DiskFile {
  return {
    write: (data, offset) => call(() => file.write(data, offset)),
    read: (length, offset) => call(() => file.read(length, offset)),
    size: () => call(() => file.size()),
    truncate: (length) => call(() => file.truncate(length)),
    sync: () =>
      call(async () => {
        await file.sync();
        onSynced();
      }),
    close: () => call(() => file.close()),
  };
}
