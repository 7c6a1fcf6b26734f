// Specs as revisions: one row per spec a service had. The orchestrator's reaper deletes those nobody needs.

import type { Service } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { revisionId, revisionOf, type Transaction, type View } from "../../store/index.js";

/** Writes `spec` as a new revision of the service; the caller points to it. */
export function putRevision(tx: Transaction, serviceId: string, number: number, spec: ServiceSpec): void {
  tx.put("revision", { id: revisionId(serviceId, number), meta: undefined, serviceId, number, spec });
}

/** The spec before the current one, if it is still there. */
export function previousSpecOf(view: View, service: Service): ServiceSpec | undefined {
  return service.previousRevision === undefined
    ? undefined
    : revisionOf(view, service.id, service.previousRevision).spec;
}
