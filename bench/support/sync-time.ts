// What this disk takes for the smallest durable thing: without it no figure of a log means anything.

import fs from "node:fs";
import path from "node:path";
import { median } from "./cluster.js";

const SYNCS = 1_000;
const RECORD_BYTES = 256;

/** Median milliseconds of an overwrite and its fdatasync in `folder`, one after the other. */
export function syncMs(folder: string): number {
  const file = path.join(folder, "sync-time");
  const fd = fs.openSync(file, "w+", 0o600);
  fs.writeSync(fd, new Uint8Array(SYNCS * RECORD_BYTES));
  fs.fsyncSync(fd);
  const times = Array.from({ length: SYNCS }, (_, at) => {
    const from = performance.now();
    fs.writeSync(fd, new Uint8Array(RECORD_BYTES), 0, RECORD_BYTES, at * RECORD_BYTES);
    fs.fdatasyncSync(fd);
    return performance.now() - from;
  });
  fs.closeSync(fd);
  fs.rmSync(file);
  return median(times);
}
