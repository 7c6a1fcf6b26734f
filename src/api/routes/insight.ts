// /skep/v1/services/{id}/explain and /skep/v1/services/plan: why it is as it is, and what a change would do. Ours alone.

import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { findService, type ServiceWish, specOf } from "../../manager/control/index.js";
import { withDefaults } from "../../model/index.js";
import { atLeader, type LeaderCall, type RouteSpec } from "../call.js";
import { readBody } from "../decode/body.js";
import { forClient } from "../decode/by-version.js";
import { Reader } from "../decode/reader.js";
import { decodeService } from "../decode/service.js";
import { differences } from "../encode/differences.js";
import { toJson } from "../encode/json.js";
import { encodeServiceSpec } from "../encode/service.js";
import { type ApiResponse, jsonText } from "../http.js";
import type { Plan } from "../types.js";

export const insightRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/skep/v1/services/{id}/explain", explain),
  atLeader("POST", "/skep/v1/services/plan", plan),
];

function explain({ control, id, shared }: LeaderCall): ApiResponse {
  const { insight, clock } = shared.modules;
  return jsonText(toJson(insight.explain(control.view, id, clock.now())));
}

async function plan(call: LeaderCall): Promise<ApiResponse> {
  const { insight, clock } = call.shared.modules;
  const nowMs = clock.now();
  const planned = await insight.plan(call.control, wishOf(call, nowMs), nowMs);
  const answer: Plan = { ...planned.plan, Changes: changes(planned.before, planned.after) };
  return jsonText(toJson(answer));
}

function wishOf({ control, request, version }: LeaderCall, nowMs: number): ServiceWish {
  const body = readBody(request, "PlanRequest");
  const service = body.text("Service");
  const rollback = body.flag("Rollback");
  const spec = body.object("Spec");
  return {
    service: service === "" ? undefined : service,
    version: body.optionalCount("Version"),
    spec: rollback
      ? specOf(control.view, findService(control.view, service))
      : forClient(decodeService(spec ?? Reader.of(undefined, "Spec")), version),
    options: { rollback, registryAuthFrom: "spec", nowMs },
  };
}

/** As `service inspect` shows them, defaults written out: what only names a default is no change. */
function changes(before: ServiceSpec | undefined, after: ServiceSpec): Plan["Changes"] {
  if (before === undefined) return [];
  const shown = (spec: ServiceSpec): unknown => JSON.parse(toJson(encodeServiceSpec(withDefaults(spec))));
  return differences(shown(before), shown(after));
}
