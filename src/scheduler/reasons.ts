// Why groups wait: worked out when they are first tried in vain, and again now and then while nodes change. Counting looks
// at every node, so that is done once for all groups that ask the same, and not more often than its cost allows.

import type { Clock, Timer } from "../base/index.js";
import type { ClusterState } from "./cluster.js";
import { countRefusals, explain } from "./decide/filters.js";
import type { PendingGroup } from "./pending.js";

/** Reasons are brought up to date at most this often, and at most a tenth of the time is spent on it. */
const refreshMs = 1_000;
const refreshShare = 10;

/** What tasks are to be told. */
export interface Told {
  readonly taskIds: readonly string[];
  readonly reason: string;
}

export class Reasons {
  readonly #cluster: ClusterState;
  readonly #clock: Clock;
  readonly #ring: () => void;
  /** By what is asked, for groups asked about without a change in between. */
  readonly #known = new Map<string, string>();
  #nextAtMs = 0;
  #timer: Timer | undefined;

  /** `ring`: called when a refresh that had to wait is due. */
  constructor(cluster: ClusterState, clock: Clock, ring: () => void) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#ring = ring;
  }

  /** A group was tried in vain: what to tell those that were not told yet. */
  tell(group: PendingGroup): Told | undefined {
    if (group.told?.taskIds.size === group.tasks.size) {
      this.#cluster.reasonsAreStale = true;
      return undefined;
    }
    return this.#settle(group, this.#reasonFor(group));
  }

  /** Placing tasks may have changed what was worked out. */
  forget(): void {
    this.#known.clear();
  }

  /** Whether a refresh may begin now; if it must wait, the bell rings then. */
  isDue(): boolean {
    if (!this.#cluster.reasonsAreStale || !this.#cluster.pending.hasBlocked) return false;
    const restMs = this.#nextAtMs - this.#clock.monotonic();
    if (restMs <= 0) return true;
    this.#timer ??= this.#clock.after(restMs, () => {
      this.#timer = undefined;
      this.#ring();
    });
    return false;
  }

  /** All groups tried in vain whose reason reads differently now. */
  *refresh(): Generator<Told | undefined, void> {
    const beganAt = this.#clock.monotonic();
    this.#cluster.reasonsAreStale = false;
    this.#known.clear();
    try {
      for (const groups of [...this.#cluster.pending.blocked()]) {
        for (const group of [...groups]) yield this.#settle(group, this.#reasonFor(group));
      }
    } finally {
      const tookMs = this.#clock.monotonic() - beganAt;
      this.#nextAtMs = this.#clock.monotonic() + Math.max(refreshMs, refreshShare * tookMs);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #settle(group: PendingGroup, reason: string): Told | undefined {
    const known = group.told?.reason === reason ? group.told.taskIds : undefined;
    const taskIds = known === undefined ? [...group.tasks] : [...group.tasks].filter((id) => !known.has(id));
    group.told = { taskIds: new Set(group.tasks), reason };
    return taskIds.length === 0 ? undefined : { taskIds, reason };
  }

  #reasonFor(group: PendingGroup): string {
    const { classKey, maxReplicas } = group.needs;
    const key = maxReplicas > 0 ? `${classKey} ${maxReplicas} ${group.serviceId}` : classKey;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reason = explain(countRefusals(this.#cluster.nodes.all(), group));
    this.#known.set(key, reason);
    return reason;
  }
}
