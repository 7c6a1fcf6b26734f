// One file of the log: written full with zeros and synced before it is used, so that an append only overwrites and its
// sync has no length or block to record.

import type { Disk, DiskFile } from "../../base/index.js";
import { encodeHeader, fileHeaderBytes } from "./header.js";

const prefix = "segment-";
const numberDigits = 10;
/** A segment being made bears this name; a crash leaves it behind, and the next start removes it. */
export const unfinishedName = "segment.tmp";
/** Zeros are written in slices of this, so that one write never holds the pool for long. */
const fillBytes = 1024 * 1024;

export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
  bytes: number;
  /** Where the next frame goes. */
  end: number;
  /** The highest entry index written to it; 0 for none. What decides whether it may be dropped. */
  lastIndex: number;
}

export function segmentPath(folder: string, number: number): string {
  return `${folder}/${prefix}${String(number).padStart(numberDigits, "0")}`;
}

/** The number in a segment's file name; undefined for any other name. */
export function segmentNumber(name: string): number | undefined {
  const digits = name.slice(prefix.length);
  return name.startsWith(prefix) && /^\d{10}$/.test(digits) ? Number(digits) : undefined;
}

/** A new segment, durable under its name before this resolves: a crash leaves a whole one or none. */
export async function createSegment(disk: Disk, folder: string, number: number, bytes: number): Promise<Segment> {
  const unfinished = `${folder}/${unfinishedName}`;
  await disk.remove(unfinished);
  const file = await disk.open(unfinished, { create: true });
  try {
    await file.write(encodeHeader("segment", number), 0);
    await fillWithZeros(file, fileHeaderBytes, bytes);
    await file.sync();
    const path = segmentPath(folder, number);
    await disk.rename(unfinished, path);
    await disk.syncFolder(folder);
    return { number, path, file, bytes, end: fileHeaderBytes, lastIndex: 0 };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Overwrites [from, until) with zeros; durable after the file's next sync. */
export async function fillWithZeros(file: DiskFile, from: number, until: number): Promise<void> {
  for (let at = from; at < until; at += fillBytes) {
    await file.write(new Uint8Array(Math.min(fillBytes, until - at)), at);
  }
}

/** Resolves once `data` would survive a crash. */
export async function writeDurably(file: DiskFile, data: Uint8Array, offset: number): Promise<void> {
  if (file.writeThrough) return file.writeThrough(data, offset);
  await file.write(data, offset);
  await file.sync();
}
