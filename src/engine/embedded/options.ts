// What an embedded engine does as a whole: `embedded:?start=200ms&rate=11`.

import { SwarmError } from "../../base/index.js";
import type { EngineInfo } from "../engine.js";
import { parseDurationMs } from "./duration.js";

export interface EmbeddedOptions {
  /** Milliseconds each verb takes; 0 when absent. */
  readonly pullMs?: number;
  readonly createMs?: number;
  readonly startMs?: number;
  /** From the stop signal to the end of a process that obeys it. */
  readonly stopMs?: number;
  /** Starts a second the whole engine gets done; absent = as many as come. */
  readonly startsPerSecond?: number;
  /** What `info` shows. */
  readonly hostname?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly genericResources?: EngineInfo["genericResources"];
}

type Reader = (value: string) => EmbeddedOptions;

const readers: Readonly<Record<string, Reader>> = {
  pull: (value) => ({ pullMs: parseDurationMs(value) }),
  create: (value) => ({ createMs: parseDurationMs(value) }),
  start: (value) => ({ startMs: parseDurationMs(value) }),
  stop: (value) => ({ stopMs: parseDurationMs(value) }),
  rate: (value) => ({ startsPerSecond: positive(value) }),
  cpus: (value) => ({ cpus: positive(value) }),
  memory: (value) => ({ memoryBytes: positive(value) }),
  name: (value) => ({ hostname: value }),
};

/** `start=200ms&rate=11`: durations with a unit, rate per second, memory in bytes. Unknown keys are refused. */
export function parseEmbeddedOptions(query: string): EmbeddedOptions {
  let options: EmbeddedOptions = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (!reader) throw bad(`unknown key ${key}; there are ${Object.keys(readers).join(", ")}`);
    options = { ...options, ...reader(value) };
  }
  return options;
}

function positive(value: string): number {
  const number = value === "" ? Number.NaN : Number(value);
  if (!(number > 0 && Number.isFinite(number))) throw bad(`${value} is not a number above 0`);
  return number;
}

function bad(why: string): SwarmError {
  return new SwarmError("InvalidArgument", `invalid options of the embedded engine: ${why}`);
}
