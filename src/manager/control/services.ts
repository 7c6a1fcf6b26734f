// Services: create, update, remove.

import { type Clock, newId, type Random, rpcError, type WallTime, wallTime } from "../../base/index.js";
import { Service } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { generatedName, isJob, refusePortConflicts, validateService } from "../../model/index.js";
import { nameKey, type Store, type Transaction, type View } from "../../store/index.js";
import { findService } from "./find.js";
import { withNetworkIds } from "./networks.js";
import { portHolders } from "./ports.js";
import { putRevision } from "./revisions.js";
import { refuseUnbuilt } from "./unbuilt.js";
import { type UpdateOptions, updateService } from "./update.js";
import type { Writes } from "./write.js";

/** Tries at a name nobody has; after that it gets a number. */
const generatedNameTries = 10;

/** A create or an update that is asked about before it is asked for. */
export interface ServiceWish {
  /** Id, name or the beginning of an id of the one to change; undefined: a new one. */
  readonly service: string | undefined;
  /** The one the caller saw; undefined: whatever it is now. */
  readonly version: number | undefined;
  readonly spec: ServiceSpec;
  readonly options: UpdateOptions;
}

export class Services {
  readonly #store: Store;
  readonly #writes: Writes;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(
    _options: Record<string, never>,
    modules: { readonly store: Store; readonly writes: Writes; readonly random: Random; readonly clock: Clock },
  ) {
    this.#clock = modules.clock;
    this.#store = modules.store;
    this.#writes = modules.writes;
    this.#random = modules.random;
  }

  /** Returns the new service's id. A service without a name is given one. */
  async create(requestId: string, asked: ServiceSpec): Promise<string> {
    const named = this.#named(asked);
    validateService(named);
    refuseUnbuilt(named);
    const id = newId(this.#random);
    return this.#writes.once(requestId, (tx) => createService(tx, id, named, this.#now()));
  }

  /** `version` is the one the caller saw (C2). */
  async update(
    requestId: string,
    input: string,
    version: number,
    asked: ServiceSpec,
    options: UpdateOptions,
  ): Promise<void> {
    const { id } = findService(this.#store, input);
    const named = this.#named(asked);
    validateService(named);
    await this.#writes.once(requestId, (tx) => {
      updateService(tx, id, version, named, options);
      return "";
    });
  }

  /**
   * What `create` or `update` would leave, as `look` sees it; what they would refuse is refused in the same words. Nothing is
   * written.
   */
  rehearse<T>(wish: ServiceWish, look: (draft: Transaction, id: string) => T): T {
    const named = this.#named(wish.spec);
    const known = wish.service === undefined ? undefined : findService(this.#store, wish.service);
    validateService(named);
    if (known === undefined) refuseUnbuilt(named);
    return this.#store.rehearse((tx) => {
      const id = known?.id ?? newId(this.#random);
      if (known === undefined) createService(tx, id, named, this.#now());
      else updateService(tx, id, wish.version ?? known.meta?.version ?? 0, named, wish.options);
      return look(tx, id);
    });
  }

  /** The service is gone at once; its tasks and revisions are the orchestrator's to end. */
  async remove(requestId: string, input: string): Promise<void> {
    await this.#writes.once(requestId, (tx) => {
      tx.delete("service", findService(tx, input).id);
      return "";
    });
  }

  #now(): WallTime {
    return wallTime(this.#clock.now());
  }

  #named(spec: ServiceSpec): ServiceSpec {
    if (spec.annotations?.name) return spec;
    return { ...spec, annotations: { labels: {}, ...spec.annotations, name: this.#freeName() } };
  }

  #freeName(): string {
    for (let attempt = 0; attempt < generatedNameTries; attempt++) {
      const name = generatedName(this.#random);
      if (!isTaken(this.#store, name)) return name;
    }
    return `${generatedName(this.#random)}${Math.floor(this.#random.next() * 1e6)}`;
  }
}

function createService(tx: Transaction, id: string, asked: ServiceSpec, now: WallTime): string {
  const name = asked.annotations?.name ?? "";
  if (isTaken(tx, name)) {
    throw rpcError("AlreadyExists", `name conflicts with an existing object: service ${name} already exists`);
  }
  const spec = withNetworkIds(tx, asked);
  refusePortConflicts(spec.endpoint?.ports ?? [], portHolders(tx, id));
  putRevision(tx, id, 1, spec);
  const row = { id, name, specVersion: tx.revision + 1, revision: 1, lastRevision: 1 };
  const jobStatus = isJob(spec) ? { iteration: 0, lastExecution: now } : undefined;
  tx.put("service", Service.fromPartial({ ...row, ...(jobStatus && { jobStatus }) }));
  return id;
}

function isTaken(view: View, name: string): boolean {
  for (const _ of view.table("service").by("name", nameKey(name))) return true;
  return false;
}
