// Loaded into a daemon with `node --import …/loop-turns.mjs?out=FILE`: every 100 ms a line with the time, the longest that the
// event loop was late since the last one by the clock, and how much of that its own thread computed. On a machine that others use
// too the first says what a user meets, the second what is our doing.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

const lineMs = 100;
const tickMs = 5;
const out = new URL(import.meta.url).searchParams.get("out");
const schedstat = `/proc/self/task/${process.pid}/schedstat`;
const cpuMs = () => Number(readFileSync(schedstat, "latin1").split(" ", 1)[0]) / 1e6;

let last = { wall: performance.now(), cpu: cpuMs() };
let worst = { wall: 0, cpu: 0 };
let toldAt = last.wall;
writeFileSync(out, "");

function tick() {
  const now = { wall: performance.now(), cpu: cpuMs() };
  const wall = now.wall - last.wall - tickMs;
  worst = { wall: Math.max(worst.wall, wall), cpu: Math.max(worst.cpu, Math.min(wall, now.cpu - last.cpu - tickMs)) };
  last = now;
  if (now.wall - toldAt >= lineMs) {
    appendFileSync(out, `${Date.now()} ${worst.wall.toFixed(1)} ${worst.cpu.toFixed(1)}\n`);
    worst = { wall: 0, cpu: 0 };
    toldAt = now.wall;
  }
  setTimeout(tick, tickMs).unref();
}
tick();
