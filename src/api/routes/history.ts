// /skep/v1/services/{id}/history and …/rollback: the specs a service had, and back to one of them. Ours alone.

import { SwarmError } from "../../base/index.js";
import { findService, historyOf } from "../../manager/control/index.js";
import { atLeader, type LeaderCall, type RouteSpec } from "../call.js";
import { printable } from "../decode/body.js";
import { encodeHistory } from "../encode/history.js";
import { toJson } from "../encode/json.js";
import { type ApiResponse, jsonText } from "../http.js";

export const historyRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/skep/v1/services/{id}/history", history),
  atLeader("POST", "/skep/v1/services/{id}/rollback", rollback),
];

function history({ control, id }: LeaderCall): ApiResponse {
  const service = findService(control.view, id);
  return jsonText(toJson(encodeHistory(service, historyOf(control.view, service))));
}

/** `?to=REVISION`, and `&version=` of the service the caller saw, if it shall be that one. */
async function rollback({ control, id, query, request }: LeaderCall): Promise<ApiResponse> {
  const version = query.get("version") === "" ? undefined : query.version("service");
  await control.history.rollBackTo(request.id, id, revisionNumber(query.get("to")), version);
  return jsonText(JSON.stringify({ Warnings: null }));
}

function revisionNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const what = text === "" ? "no revision is given" : `"${printable(text)}" is no revision number`;
  throw new SwarmError("InvalidArgument", `${what}: say to=REVISION, one of those the service's history shows`);
}
