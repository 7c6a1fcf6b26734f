// Reads a segment's bytes and decides what its end means: clean, a tear that may be cut, or damage.
// A frame is written only when the one before it is durable (S2). So a bad frame with a good one anywhere after it was
// durable once: that is damage. A bad frame with nothing good after it may be a write the crash tore: it was never
// acknowledged unless the disk lies about its last frame, which no log can tell.

import { type Frame, frameAlignBytes, readFrame } from "./frame.js";

export type ScanEnd =
  /** Zeros to the end of the file. */
  | { readonly kind: "clean"; readonly at: number }
  /** Something stands at `at` that is no frame; it ends before `until`, and no good frame follows. */
  | { readonly kind: "torn"; readonly at: number; readonly until: number }
  /** The frame expected at `at` is bad, and there is a good one at `goodAt`. */
  | { readonly kind: "damaged"; readonly at: number; readonly goodAt: number };

export interface Scan {
  readonly frames: readonly Frame[];
  readonly end: ScanEnd;
}

/** `sequence` is what the first frame must carry; undefined when it is the first of the whole log and unknown. */
export function scanFrames(bytes: Uint8Array, from: number, sequence: number | undefined): Scan {
  const frames: Frame[] = [];
  let at = from;
  let expected = sequence;
  for (;;) {
    const frame = readFrame(bytes, at);
    if (!frame || (expected !== undefined && frame.sequence !== expected)) break;
    frames.push(frame);
    at = frame.end;
    expected = frame.sequence + 1;
  }
  return { frames, end: judgeRest(bytes, at) };
}

function judgeRest(bytes: Uint8Array, at: number): ScanEnd {
  const until = endOfContent(bytes, at);
  if (until <= at) return { kind: "clean", at };
  for (let goodAt = at; goodAt < until; goodAt += frameAlignBytes) {
    if (readFrame(bytes, goodAt)) return { kind: "damaged", at, goodAt };
  }
  return { kind: "torn", at, until };
}

/** Where the zeros that reach to the end of the file begin. */
function endOfContent(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  return end;
}
