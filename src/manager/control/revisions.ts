// Specs as revisions: one row per spec a service had. The orchestrator's reaper deletes those nobody needs.

import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { revisionId, type Transaction } from "../../store/index.js";

/** Writes `spec` as a new revision of the service; the caller points to it. */
export function putRevision(tx: Transaction, serviceId: string, number: number, spec: ServiceSpec): void {
  tx.put("revision", { id: revisionId(serviceId, number), meta: undefined, serviceId, number, spec });
}
