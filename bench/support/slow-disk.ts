// A disk whose file syncs take longer than they do.

import { type Clock, type Disk, type DiskFile, sleep } from "../../src/base/index.js";

/** The disk with `delayMs` before every file sync. */
export function delayed(disk: Disk, clock: Clock, delayMs: number): Disk {
  const slow = (file: DiskFile): DiskFile => ({
    write: (data, offset) => file.write(data, offset),
    read: (length, offset) => file.read(length, offset),
    size: () => file.size(),
    truncate: (length) => file.truncate(length),
    sync: async () => {
      await sleep(clock, delayMs);
      await file.sync();
    },
    close: () => file.close(),
  });
  return {
    open: async (name, options) => slow(await disk.open(name, options)),
    readFile: (name) => disk.readFile(name),
    replaceFile: (name, data) => disk.replaceFile(name, data),
    list: (folder) => disk.list(folder),
    makeFolder: (folder) => disk.makeFolder(folder),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncFolder: (folder) => disk.syncFolder(folder),
  };
}
