// The manager's disk as its process sees it, telling when the log became durable.

import type { Disk, DiskFile } from "../../base/index.js";
import type { SimProgram } from "./program.js";

export function watchedDisk(program: SimProgram, disk: Disk, onSynced: () => void): Disk {
  const call = <T>(fn: () => Promise<T>): Promise<T> => program.call(fn);
  return {
    open: async (path, options) => watchedFile(program, await call(() => disk.open(path, options)), onSynced),
    readFile: (path) => call(() => disk.readFile(path)),
    replaceFile: (path, data) => call(() => disk.replaceFile(path, data)),
    list: (folder) => call(() => disk.list(folder)),
    makeFolder: (folder) => call(() => disk.makeFolder(folder)),
    rename: (from, to) => call(() => disk.rename(from, to)),
    remove: (path) => call(() => disk.remove(path)),
    syncFolder: (folder) => call(() => disk.syncFolder(folder)),
  };
}

function watchedFile(program: SimProgram, file: DiskFile, onSynced: () => void): DiskFile {
  const call = <T>(fn: () => Promise<T>): Promise<T> => program.call(fn);
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
