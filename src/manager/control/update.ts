// `service update`: a new revision, the old one back, or nothing new (swarm-semantics §1.6, §4.4).

import { rpcError, SwarmError, type WallTime, wallTime } from "../../base/index.js";
import { type Service, UpdateState, type UpdateStatus } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { deepEqual, isJob, refusePortConflicts } from "../../model/index.js";
import { specOf, type Transaction } from "../../store/index.js";
import { withNetworkIds } from "./networks.js";
import { portHolders } from "./ports.js";
import { previousSpecOf, putRevision } from "./revisions.js";
import { refuseUnbuilt } from "./unbuilt.js";
import { refuseStale } from "./version.js";

export interface UpdateOptions {
  /** Back to the spec before this one; the spec given with the request does not count then. */
  readonly rollback: boolean;
  /** Which spec lends its registry credentials when the new one brings none. */
  readonly registryAuthFrom: "spec" | "previous-spec";
  /** When the request came. */
  readonly nowMs: number;
}

export function updateService(
  tx: Transaction,
  id: string,
  version: number,
  asked: ServiceSpec,
  options: UpdateOptions,
): void {
  const service = tx.table("service").get(id);
  if (service === undefined) throw new SwarmError("NotFound", `service ${id} not found`);
  const current = specOf(tx, service);
  refuseOtherService(current, asked);
  refuseUnbuilt(asked);
  refuseStale(service, version);
  if (options.rollback) return rollBack(tx, service, wallTime(options.nowMs));
  const spec = withRegistryAuth(tx, service, withNetworkIds(tx, asked), options);
  refusePortConflicts(spec.endpoint?.ports ?? [], portHolders(tx, id));
  putSpec(tx, executedAgain(service, spec, wallTime(options.nowMs)), current, spec);
}

/** Every update of a job starts it anew, also one that changes nothing: that is how `--force` runs it again. */
function executedAgain(service: Service, spec: ServiceSpec, now: WallTime): Service {
  if (!isJob(spec)) return service;
  return { ...service, jobStatus: { iteration: (service.jobStatus?.iteration ?? 0) + 1, lastExecution: now } };
}

function refuseOtherService(current: ServiceSpec, asked: ServiceSpec): void {
  if (current.mode?.$case !== asked.mode?.$case) {
    throw rpcError("Unimplemented", "service mode change is not allowed");
  }
  if (current.annotations?.name !== asked.annotations?.name) {
    throw rpcError("Unimplemented", "renaming services is not supported");
  }
}

/**
 * A spec equal to the current one makes no revision: history and rollback stay what they were. It still is an update, so
 * one that was paused goes on. A job has nothing to go back to.
 */
function putSpec(tx: Transaction, service: Service, current: ServiceSpec, spec: ServiceSpec): void {
  const touched = { ...service, specVersion: tx.revision + 1, updateStatus: undefined };
  if (deepEqual(current, spec)) return tx.put("service", touched);
  const revision = service.lastRevision + 1;
  putRevision(tx, service.id, revision, spec);
  const previous = isJob(spec) ? {} : { previousRevision: service.revision };
  tx.put("service", { ...touched, ...previous, revision, lastRevision: revision });
}

function rollBack(tx: Transaction, service: Service, now: WallTime): void {
  const { previousRevision } = service;
  if (previousRevision === undefined) {
    throw rpcError("FailedPrecondition", `service ${service.id} does not have a previous spec`);
  }
  tx.put("service", {
    ...service,
    specVersion: tx.revision + 1,
    revision: previousRevision,
    previousRevision: service.revision,
    updateStatus: rollbackStarted(now),
  });
}

/** The status of a rollback a user asked for. */
export function rollbackStarted(now: WallTime): UpdateStatus {
  return {
    state: UpdateState.ROLLBACK_STARTED,
    startedAt: now,
    completedAt: undefined,
    message: "manually requested rollback",
    total: 0,
    done: 0,
    failed: 0,
  };
}

/** An update without credentials keeps those there are: clients never get them back to send them again (§13). */
function withRegistryAuth(
  tx: Transaction,
  service: Service,
  spec: ServiceSpec,
  { registryAuthFrom }: UpdateOptions,
): ServiceSpec {
  const { task } = spec;
  if (task?.container === undefined || task.container.registryAuth !== "") return spec;
  const lender = registryAuthFrom === "spec" ? specOf(tx, service) : previousSpecOf(tx, service);
  if (lender === undefined) throw new SwarmError("Unknown", "service does not have a previous spec");
  const registryAuth = lender.task?.container?.registryAuth ?? "";
  return { ...spec, task: { ...task, container: { ...task.container, registryAuth } } };
}
