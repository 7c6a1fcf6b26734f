// /services

import { SwarmError } from "../../base/index.js";
import type { Service } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { countTasks, findService, specOf, type UpdateOptions, type View } from "../../manager/control/index.js";
import { atLeader, type LeaderCall, type RouteSpec } from "../call.js";
import { readBody } from "../decode/body.js";
import { forClient } from "../decode/by-version.js";
import type { Query } from "../decode/query.js";
import { decodeRegistryAuth } from "../decode/registry-auth.js";
import { decodeService } from "../decode/service.js";
import { Filters } from "../filters.js";
import { type ApiResponse, done, jsonText } from "../http.js";
import { listResponse, objectResponse } from "../list.js";
import { isBelow } from "../version.js";

const filterKeys = ["id", "label", "mode", "name", "runtime"];

export const serviceRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/services", list),
  atLeader("POST", "/services/create", create),
  atLeader("GET", "/services/{id}", inspect),
  atLeader("POST", "/services/{id}/update", update),
  atLeader("DELETE", "/services/{id}", remove),
];

function list({ control, query, shared, version }: LeaderCall): ApiResponse {
  const { view } = control;
  const filters = Filters.parse(query.get("filters"), filterKeys);
  const withStatus = query.flag("status") && !isBelow(version, "1.41");
  const services = [...view.table("service").all()].filter((service) => matches(view, service, filters));
  return listResponse(services, (service) =>
    shared.rows.service(view, service, withStatus ? countTasks(view, service) : undefined),
  );
}

async function create({ control, request, version }: LeaderCall): Promise<ApiResponse> {
  const id = await control.services.create(request.id, specOfRequest(request, version));
  return jsonText(JSON.stringify({ ID: id, Warnings: null }), 201);
}

function inspect({ control, id, query, shared }: LeaderCall): ApiResponse {
  const withDefaults = query.flag("insertDefaults");
  const service = findService(control.view, id);
  const { rows } = shared;
  return objectResponse(
    withDefaults ? rows.serviceWithDefaults(control.view, service) : rows.service(control.view, service),
  );
}

async function update({ control, id, query, request, version, shared }: LeaderCall): Promise<ApiResponse> {
  const spec = specOfRequest(request, version);
  const options = updateOptions(query, shared.modules.clock.now());
  await control.services.update(request.id, id, query.version("service"), spec, options);
  return jsonText(JSON.stringify({ Warnings: null }));
}

async function remove({ control, id, request }: LeaderCall): Promise<ApiResponse> {
  await control.services.remove(request.id, id);
  return done();
}

/** Credentials come in a header of their own, and stay with the spec. */
function specOfRequest(request: LeaderCall["request"], version: string): ServiceSpec {
  const spec = forClient(decodeService(readBody(request, "ServiceSpec")), version);
  const registryAuth = decodeRegistryAuth(request.headers["x-registry-auth"]);
  if (registryAuth === "" || spec.task?.container === undefined) return spec;
  return { ...spec, task: { ...spec.task, container: { ...spec.task.container, registryAuth } } };
}

function updateOptions(query: Query, nowMs: number): UpdateOptions {
  const rollback = query.get("rollback");
  if (!["", "none", "previous"].includes(rollback)) {
    throw new SwarmError("Unknown", `unrecognized rollback option ${rollback}`);
  }
  const registryAuthFrom = query.get("registryAuthFrom") || "spec";
  if (registryAuthFrom !== "spec" && registryAuthFrom !== "previous-spec") {
    throw new SwarmError("Unknown", "unsupported registryAuthFrom value");
  }
  return { rollback: rollback === "previous", registryAuthFrom, nowMs };
}

const modeWords = {
  replicated: "replicated",
  global: "global",
  replicatedJob: "replicated-job",
  globalJob: "global-job",
} as const;

function matches(view: View, service: Service, filters: Filters): boolean {
  if (filters === Filters.empty) return true;
  const spec = specOf(view, service);
  const mode = modeWords[spec.mode?.$case ?? "replicated"];
  return (
    filters.some("id", (value) => service.id.startsWith(value)) &&
    filters.some("name", (value) => service.name.startsWith(value)) &&
    filters.some("mode", (value) => value === mode) &&
    filters.some("runtime", (value) => value === "container") &&
    filters.labels("label", spec.annotations?.labels)
  );
}
