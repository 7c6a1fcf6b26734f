/**
 * The embedded engine: containers that exist only in memory and on an injected clock. Must stay true: it passes the same
 * acceptance suite as the real engine's client. Start at engine.ts; what a command or a label does is in program.ts and label.ts.
 */
export { EmbeddedEngine } from "./engine.js";
export { type EmbeddedRequest, type EmbeddedResponse, handleEmbedded } from "./http.js";
export { simLabel } from "./label.js";
export type { EmbeddedOptions } from "./options.js";
