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
  const sinceMs = Number(options.since ?? 0) * 1000;
  const from = options.tail === undefined ? 0 : Math.max(0, log.next - options.tail);
  for await (const line of log.read(from, options.follow, life, signal)) {
    if (Date.parse(line.timestamp) >= sinceMs) yield line;
  }
}
