import { rm, writeFile } from "node:fs/promises";

/** Writes the process id; the data folder's lock is what keeps a second daemon out, so a leftover is replaced. */
export async function writePidfile(path: string, pid: number): Promise<() => Promise<void>> {
  await writeFile(path, `${pid}\n`, { mode: 0o644 });
  return () => rm(path, { force: true });
}
