/**
 * Docker's JSON, as TypeScript: exactly its field names and which of them may be missing (docker-api.md §1.3-1.7).
 * Types only, so that both sides of the socket share them: `api` writes these shapes, `cli` reads them.
 * A field that is optional here is left out when zero ("omitempty"); one that is `T | null` is always there.
 * Durations are integer nanoseconds, times RFC3339 text in UTC.
 */
export type * from "./types/common.js";
export type * from "./types/container.js";
export type * from "./types/insight.js";
export type * from "./types/node.js";
export type * from "./types/service.js";
export type * from "./types/status.js";
export type * from "./types/swarm.js";
export type * from "./types/system.js";
export type * from "./types/task.js";
