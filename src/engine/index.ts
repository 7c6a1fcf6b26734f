/**
 * The engine that runs containers, behind one interface: Docker's over its socket (`docker/`), or a simulated one in
 * memory (`embedded/`). Must stay true: nothing outside this folder knows which of the two it talks to, and one
 * acceptance suite holds for both. Start at engine.ts.
 */
export { type EngineAddress, parseEngineAddress, type SocketAddress } from "./address.js";
export { bounds as engineBounds } from "./bounds.js";
export { DockerEngine } from "./docker/index.js";
export * from "./embedded/index.js";
export type * from "./engine.js";
export { openEngine } from "./open.js";
