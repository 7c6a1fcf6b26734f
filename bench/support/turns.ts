// How long the event loop was held at a time, in milliseconds this thread ran: what others take of the machine does not
// count. Linux only.

import { openSync, readSync } from "node:fs";

const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
const buffer = Buffer.alloc(100);

export interface Turns {
  readonly longestMs: number;
  /** Begins anew. */
  restart(): void;
  stop(): void;
}

export function watchTurns(): Turns {
  let last = ranMs();
  let longestMs = 0;
  let isRunning = true;
  const tick = (): void => {
    const now = ranMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (isRunning) setImmediate(tick);
  };
  tick();
  return {
    get longestMs() {
      return longestMs;
    },
    restart: () => {
      last = ranMs();
      longestMs = 0;
    },
    stop: () => {
      isRunning = false;
    },
  };
}

function ranMs(): number {
  const length = readSync(schedstat, buffer, 0, buffer.length, 0);
  return Number(buffer.toString("latin1", 0, length).split(" ")[0]) / 1e6;
}
