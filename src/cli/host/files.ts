// Files too large or too secret to be read or written as one text.

import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const ownerOnly = 0o600;

export async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const file = await open(path, "r");
  return file.createReadStream() as AsyncIterable<Uint8Array>;
}

/** Written beside its place, made durable, then moved there. */
export async function writeSecretFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    const bytesTotal = await writeDurably(beside, chunks);
    await rename(beside, path);
    return bytesTotal;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

async function writeDurably(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, "wx", ownerOnly);
  let bytesTotal = 0;
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      bytesTotal += chunk.length;
    }
    await file.sync();
    return bytesTotal;
  } finally {
    await file.close();
  }
}
