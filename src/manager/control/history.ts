// The specs a service had that are still kept: what each changed, and the way back to any of them.

import { type Clock, rpcError, SwarmError, type WallTime, wallTime } from "../../base/index.js";
import type { Revision, Service } from "../../gen/skep/v1/objects.js";
import { refusePortConflicts } from "../../model/index.js";
import type { Store, Transaction, View } from "../../store/index.js";
import { findService } from "./find.js";
import { portHolders } from "./ports.js";
import { specChanges } from "./spec-changes.js";
import { rollbackStarted } from "./update.js";
import { refuseStale } from "./version.js";
import type { Writes } from "./write.js";

export interface KeptRevision {
  readonly revision: Revision;
  /** What the service asks for now. */
  readonly isCurrent: boolean;
  /** What `service rollback` goes back to. */
  readonly isPrevious: boolean;
  /** What differs from the kept one before it; undefined for the oldest. */
  readonly changes: readonly string[] | undefined;
}

/** The kept specs of a service, newest first. */
export function historyOf(view: View, service: Service): readonly KeptRevision[] {
  const kept = keptOf(view, service);
  return kept
    .map((revision, at) => ({
      revision,
      isCurrent: revision.number === service.revision,
      isPrevious: revision.number === service.previousRevision,
      changes: changesBetween(kept[at - 1], revision),
    }))
    .reverse();
}

export class History {
  readonly #store: Store;
  readonly #writes: Writes;
  readonly #clock: Clock;

  constructor(
    _options: Record<string, never>,
    modules: { readonly store: Store; readonly writes: Writes; readonly clock: Clock },
  ) {
    this.#store = modules.store;
    this.#writes = modules.writes;
    this.#clock = modules.clock;
  }

  /** Rolls a service back to the kept revision `to`. `version` is the one the caller saw; undefined: whatever it is now. */
  async rollBackTo(requestId: string, input: string, to: number, version: number | undefined): Promise<void> {
    const { id } = findService(this.#store, input);
    await this.#writes.once(requestId, (tx) => {
      const service = tx.table("service").get(id);
      if (service === undefined) throw new SwarmError("NotFound", `service ${id} not found`);
      if (version !== undefined) refuseStale(service, version);
      rollBackTo(tx, service, to, wallTime(this.#clock.now()));
      return "";
    });
  }
}

function rollBackTo(tx: Transaction, service: Service, to: number, now: WallTime): void {
  const target = keptOf(tx, service).find((revision) => revision.number === to);
  if (target?.spec === undefined) throw notKept(tx, service, to);
  if (to === service.revision) {
    throw rpcError("FailedPrecondition", `revision ${to} of service ${service.name} is the current one`);
  }
  if (target.spec.mode?.$case.endsWith("Job")) {
    throw rpcError(
      "FailedPrecondition",
      `service ${service.name} is a job: there is nothing to roll back, start it anew`,
    );
  }
  refusePortConflicts(target.spec.endpoint?.ports ?? [], portHolders(tx, service.id));
  tx.put("service", {
    ...service,
    specVersion: tx.revision + 1,
    revision: to,
    previousRevision: service.revision,
    updateStatus: rollbackStarted(now),
  });
}

function notKept(view: View, service: Service, to: number): SwarmError {
  const kept = keptOf(view, service).map(({ number }) => number);
  return new SwarmError("NotFound", `no revision ${to} of service ${service.name} is kept; kept: ${kept.join(", ")}`);
}

/** Oldest first. */
function keptOf(view: View, service: Service): readonly Revision[] {
  return [...view.table("revision").by("service", service.id)].sort((a, b) => a.number - b.number);
}

function changesBetween(before: Revision | undefined, after: Revision): readonly string[] | undefined {
  if (before?.spec === undefined || after.spec === undefined) return undefined;
  return specChanges(before.spec, after.spec);
}
