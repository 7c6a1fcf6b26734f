// Loaded into a daemon with `node --import …/loop-lag.mjs?out=FILE`: every 100 ms a line with the time and the longest that
// the event loop stood still since the last one, in milliseconds. Finer than the daemon's own metric, which looks ten times a
// second at one timer.
import { appendFileSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const LINE_MS = 100;
const RESOLUTION_MS = 2;
const out = new URL(import.meta.url).searchParams.get("out");
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
writeFileSync(out, "");
delay.enable();
setInterval(() => {
  appendFileSync(out, `${Date.now()} ${Math.max(0, delay.max / 1e6 - RESOLUTION_MS).toFixed(1)}\n`);
  delay.reset();
}, LINE_MS).unref();
