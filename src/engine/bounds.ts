// How long an engine may take for what, milliseconds. One list for the real and the embedded engine.

export const bounds = {
  /** An answer that needs no work: ping, info, version, inspect, list. Longer = the engine is silent. */
  answerMs: 5_000,
  /** While a longer call is under way the engine is pinged this often; a ping without answer ends the call. */
  livenessPeriodMs: 5_000,
  /** Creating, starting, killing, removing: a loaded host takes seconds, a stuck storage driver for ever. */
  workMs: 120_000,
  /** On top of the grace of a stop: the kill, the unmounts, the network. */
  stopMarginMs: 30_000,
  /** A pull without a sign of progress. Layers are hashed and unpacked without one for a while. */
  pullStallMs: 120_000,
  /** Between looks at a container whose removal somebody else has begun. */
  removalPollMs: 100,
} as const;

/** Docker's own default between stop signal and kill, seconds. */
export const stopGraceDefaultSeconds = 10;

/** The newest Engine API version we know (architecture.md), and the oldest we work with (Engine 20.10). */
export const apiVersionMax = "1.50";
export const apiVersionMin = "1.41";

/** An inspection, a list or an error text larger than this is refused. */
export const answerBytesMax = 64 * 1024 * 1024;
/** One JSON value of an event or progress stream. */
export const streamValueBytesMax = 1024 * 1024;
/** A log line longer than this is handed on in pieces; a frame larger than this is a broken stream. */
export const logLineBytesMax = 1024 * 1024;
