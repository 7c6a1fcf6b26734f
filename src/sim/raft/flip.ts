// Where a bit of a member's files may turn over so that the member has to notice it. The last frame of a log is left out: it
// cannot be told from a torn one, see docs/raft.md; and so is the one before it, for the last may be torn already.

import type { SimDisk } from "../disk.js";

const fileHeaderBytes = 64;
const frameHeaderBytes = 16;
const frameAlignBytes = 8;
const framesSpared = 2;

/** A place, as `at` in [0, 1) draws it; undefined where there is none yet. */
export function placeToFlip(disk: SimDisk, at: number): { readonly path: string; readonly bit: number } | undefined {
  const segments = disk.files().filter((path) => /\/segment-\d+$/.test(path));
  const places = disk.files().flatMap((path) => {
    if (path.endsWith("/snapshot")) return [{ path, bytes: disk.content(path).length }];
    return segments.includes(path) ? [{ path, bytes: certainBytes(disk.content(path)) }] : [];
  });
  const total = places.reduce((sum, { bytes }) => sum + bytes, 0);
  let bit = Math.floor(at * total * 8);
  for (const { path, bytes } of places) {
    if (bit < bytes * 8) return { path, bit };
    bit -= bytes * 8;
  }
  return undefined;
}

/** Up to the end of the last frame that good ones follow. */
function certainBytes(segment: Uint8Array): number {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const ends: number[] = [];
  for (let at = fileHeaderBytes; at + frameHeaderBytes <= segment.length; at = ends.at(-1) ?? 0) {
    const length = view.getUint32(at, true);
    const end = at + Math.ceil((frameHeaderBytes + length) / frameAlignBytes) * frameAlignBytes;
    if (length === 0 || end > segment.length) break;
    ends.push(end);
  }
  return ends.at(-framesSpared - 1) ?? 0;
}
