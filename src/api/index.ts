/**
 * Docker's HTTP API for a node of the swarm: what is ours is decoded, asked of control and encoded; what is the engine's
 * goes to it as bytes (architecture.md "Whose request is it?").
 *
 * What must stay true:
 * A1  only this area knows Docker's field names; what control gets is the model.
 * A2  whatever a client sends, it gets an answer: a body that is wrong is a 4xx that names the field.
 * A3  no secret comes out: registry credentials and CA keys never, join tokens only where they are asked for.
 * A4  a row is encoded once; an answer of any length is made while it is sent.
 * A5  a path that is ours and not built says 501 and what works instead; nothing of ours reaches the engine.
 * A6  what the engine is asked on the way is bounded in time: /info and /_ping answer without it.
 *
 * Start at api.ts; host/ binds it to sockets and to the engine.
 */
export { Api } from "./api.js";
export type { Answer, PassOn } from "./call.js";
export type { ApiBody, ApiRequest, ApiResponse } from "./http.js";
export { errorResponse, requestBytesMax } from "./http.js";
export type {
  ApiModules,
  ApiOptions,
  EngineHttp,
  EngineRequest,
  EngineResponse,
  InitOptions,
  Insight,
  JoinOptions,
  KnownManager,
  Leader,
  Logs,
  NetworkInterface,
  Node,
  NodeState,
  NotLeading,
  Planned,
  Quorum,
  RestoreOptions,
} from "./modules.js";
export { joinTimeout, locked, managerStarting } from "./texts.js";
