import type { LogLine, LogOptions } from "../engine.js";
import type { Feed } from "./feed.js";
import type { Life } from "./power.js";

/** The lines of a container that the options ask for. */
export async function* linesOf(
  log: Feed<LogLine>,
  options: LogOptions,
  life: Life,
  signal: AbortSignal,
): AsyncGenerator<LogLine, void, undefined> {
  const since = instantOf(options.since ?? "0");
  const from = options.tail === undefined ? 0 : Math.max(0, log.next - options.tail);
  for await (const line of log.read(from, options.follow, life, signal)) {
    if (instantOf(`${Date.parse(`${line.timestamp.slice(0, 19)}Z`) / 1000}${line.timestamp.slice(19, -1)}`) >= since) {
      yield line;
    }
  }
}

/** Seconds since 1970 with a fraction, in text whose order is that of time: a Number has no room for nanoseconds. */
function instantOf(seconds: string): string {
  const [whole = "", fraction = ""] = seconds.split(".");
  return `${whole.padStart(18, "0")}.${fraction.padEnd(9, "0")}`;
}
