/**
 * What every area builds on and what knows nothing of Skep: the injected world (clock, random, disk, log, metrics),
 * typed errors, and a few small tools. Must stay true: nothing here imports another area, and only `host/` touches the
 * real machine. Start at clock.ts.
 */
export * from "./backoff.js";
export * from "./clock.js";
export * from "./component.js";
export * from "./disk.js";
export * from "./ending.js";
export * from "./errors.js";
export * from "./ids.js";
export * from "./invariant.js";
export * from "./log.js";
export * from "./merged-stream.js";
export * from "./metrics.js";
export * from "./queue.js";
export * from "./random.js";
export * from "./template/index.js";
export * from "./time-merge.js";
export * from "./wake.js";
