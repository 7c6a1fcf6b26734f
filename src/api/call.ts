// One request on its way to a handler, and what handlers share.

import type { Control } from "../manager/control/index.js";
import type { Query } from "./decode/query.js";
import type { EngineProbe } from "./engine-probe.js";
import type { SwarmEvents } from "./events/log.js";
import type { ApiRequest, ApiResponse } from "./http.js";
import type { LeaderWatch } from "./leader-watch.js";
import type { ApiModules, ApiOptions } from "./modules.js";
import type { Rows } from "./rows.js";
import type { ApiVersion } from "./version.js";

export interface Shared {
  readonly options: ApiOptions;
  readonly modules: ApiModules;
  readonly rows: Rows;
  readonly probe: EngineProbe;
  /** For calls that look for a leader, and for those one has in hand. */
  readonly search: LeaderWatch;
  readonly handedOn: LeaderWatch;
  /** The events of one leadership, from the first request that met it. */
  eventsOf(control: Control): SwarmEvents;
}

export interface Call {
  readonly request: ApiRequest;
  /** The path's; the newest for a path without. */
  readonly version: ApiVersion;
  /** What stands for `{id}` in the route's path. */
  readonly id: string;
  readonly query: Query;
  readonly shared: Shared;
}

/** A call that reached the leader. */
export interface LeaderCall extends Call {
  readonly control: Control;
}

/** The engine is to answer, with the request as it came. */
export interface PassOn {
  readonly passOn: true;
}

export const passOn: PassOn = { passOn: true };

export type Answer = ApiResponse | PassOn;

/** Where a request is answered: by the node asked, or by the leader wherever it was asked. */
export type Handler =
  | {
      readonly where: "here";
      readonly handle: (call: Call) => Answer | Promise<Answer>;
      /** Reads its body itself, as it comes: `request.upload`. */
      readonly upload?: true;
    }
  | {
      readonly where: "leader";
      readonly handle: (call: LeaderCall) => Answer | Promise<Answer>;
      /** What this node does with an answer on its way to the client, whoever gave it. */
      readonly finish?: (answer: ApiResponse) => ApiResponse;
    };

export interface RouteSpec {
  readonly method: string;
  /** Segments; `{id}` stands for one of any text. */
  readonly path: string;
  readonly handler: Handler;
}

export function here(method: string, path: string, handle: (call: Call) => Answer | Promise<Answer>): RouteSpec {
  return { method, path, handler: { where: "here", handle } };
}

export function takesUpload(method: string, path: string, handle: (call: Call) => Promise<Answer>): RouteSpec {
  return { method, path, handler: { where: "here", handle, upload: true } };
}

export function atLeader(
  method: string,
  path: string,
  handle: (call: LeaderCall) => Answer | Promise<Answer>,
): RouteSpec {
  return { method, path, handler: { where: "leader", handle } };
}
