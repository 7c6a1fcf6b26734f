/**
 * The API on real sockets: node's HTTP server in front, the engine behind. Must stay true: every request is either answered
 * by `Api` or travels to the engine byte for byte, whatever its size, with back-pressure in both directions; nothing here
 * knows what a request means. Start at server.ts; passing through is in pass.ts and upgrade.ts.
 */
export { type EngineAddress, type EngineHandler, type HandlerRequest, type HandlerResponse } from "./engine.js";
export { type ListenAddress, type TlsFiles } from "./listen.js";
export { type ApiServer, type ApiServerModules, type ApiServerOptions, createApiServer } from "./server.js";
