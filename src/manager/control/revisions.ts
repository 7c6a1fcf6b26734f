// Specs as revisions: one row per spec a service had, kept while something was made from it (C5).

import type { Revision, Service } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { revisionId, type Transaction, type View } from "../../store/index.js";

/** Revisions kept per service beyond those that tasks need. */
const historyMax = 10;

/** Writes `spec` as a new revision of the service; the caller points to it. */
export function putRevision(tx: Transaction, serviceId: string, number: number, spec: ServiceSpec): void {
  tx.put("revision", { id: revisionId(serviceId, number), meta: undefined, serviceId, number, spec });
}

/** Deletes the service's oldest revisions that neither it, nor a task, nor the kept history needs. */
export function dropOldRevisions(tx: Transaction, service: Service): void {
  const needed = new Set([service.revision, service.previousRevision]);
  const newestFirst = [...tx.table("revision").by("service", service.id)].sort((a, b) => b.number - a.number);
  for (const revision of newestFirst.slice(historyMax)) {
    if (!needed.has(revision.number) && !hasTasks(tx, revision)) tx.delete("revision", revision.id);
  }
}

/** Deletes what no task of a removed service needs; the rest goes with its last task. */
export function dropUnusedRevisions(tx: Transaction, serviceId: string): void {
  for (const revision of [...tx.table("revision").by("service", serviceId)]) {
    if (!hasTasks(tx, revision)) tx.delete("revision", revision.id);
  }
}

function hasTasks(view: View, revision: Revision): boolean {
  for (const _ of view.table("task").by("revision", revision.id)) return true;
  return false;
}
