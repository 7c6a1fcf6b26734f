// /nodes

import { SwarmError } from "../../base/index.js";
import type { Node } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import { findNode } from "../../manager/control/index.js";
import { atLeader, type LeaderCall, type RouteSpec } from "../call.js";
import { printable, readBody } from "../decode/body.js";
import { roleWords } from "../decode/enums.js";
import { decodeNode } from "../decode/node.js";
import { Filters } from "../filters.js";
import { type ApiResponse, done } from "../http.js";
import { listResponse, objectResponse } from "../list.js";

const filterKeys = ["id", "label", "membership", "name", "node.label", "role"];

export const nodeRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/nodes", list),
  atLeader("GET", "/nodes/{id}", inspect),
  atLeader("POST", "/nodes/{id}/update", update),
  atLeader("DELETE", "/nodes/{id}", remove),
];

function list({ control, query, shared }: LeaderCall): ApiResponse {
  const filters = Filters.parse(query.get("filters"), filterKeys);
  refuseUnknownWords(filters);
  const managers = control.membership.managers();
  const nodes = [...control.view.table("node").all()].filter((node) => matches(node, filters));
  return listResponse(nodes, (node) => shared.rows.node(node, managers.get(node.id)));
}

function inspect({ control, id, shared }: LeaderCall): ApiResponse {
  const node = findNode(control.view, id);
  return objectResponse(shared.rows.node(node, control.membership.managers().get(node.id)));
}

async function update({ control, id, query, request }: LeaderCall): Promise<ApiResponse> {
  const version = query.version("node");
  await control.nodes.update(request.id, id, version, decodeNode(readBody(request, "NodeSpec")));
  return done();
}

async function remove({ control, id, query, request }: LeaderCall): Promise<ApiResponse> {
  await control.nodes.remove(request.id, id, query.looseFlag("force"));
  return done();
}

/** Docker answers 500 to these, tests match the text. */
function refuseUnknownWords(filters: Filters): void {
  for (const role of filters.get("role") ?? []) {
    if (!Object.hasOwn(roleWords, role)) throw new SwarmError("Unknown", `Invalid role filter: '${printable(role)}'`);
  }
  for (const membership of filters.get("membership") ?? []) {
    if (membership !== "accepted" && membership !== "pending") {
      throw new SwarmError("Unknown", `Invalid membership filter: '${printable(membership)}'`);
    }
  }
}

function matches(node: Node, filters: Filters): boolean {
  if (filters === Filters.empty) return true;
  const role = node.spec?.desiredRole === NodeRole.MANAGER ? "manager" : "worker";
  return (
    filters.some("id", (value) => node.id.startsWith(value)) &&
    filters.some("name", (value) => (node.description?.hostname ?? "").startsWith(value)) &&
    filters.some("role", (value) => value === role) &&
    filters.some("membership", (value) => value === "accepted") &&
    filters.labels("label", node.description?.engine?.labels) &&
    filters.labels("node.label", node.spec?.annotations?.labels)
  );
}
