// One round of deciding: a slice of the waiting groups in turn, each a share of its tasks. Counts on the nodes hold from
// here until the write has landed.

import type { ClusterState } from "./cluster.js";
import { type Placement, place, placeBeside } from "./decide/place.js";
import type { PendingGroup } from "./pending.js";
import type { Refused } from "./preassigned.js";
import type { Reasons, Told } from "./reasons.js";
import type { Assignment } from "./write.js";

/** Tasks decided and written at a time: few enough that nothing holds the loop, enough to share an entry of the log. */
export const roundMax = 500;
/** Tasks one group may place before it is another's turn. */
const turnMax = 100;

export class Round {
  readonly assignments: Assignment[] = [];
  /** Groups that keep tasks waiting, with the reason. */
  readonly told: Told[] = [];
  /** Preassigned tasks their nodes refuse. */
  readonly refused: Refused[] = [];
  readonly #cluster: ClusterState;
  readonly #reasons: Reasons;

  constructor(cluster: ClusterState, reasons: Reasons) {
    this.#cluster = cluster;
    this.#reasons = reasons;
    reasons.forget();
  }

  get isFull(): boolean {
    return this.assignments.length >= roundMax || this.told.length + this.refused.length >= roundMax;
  }

  confirmPreassigned(): void {
    const { preassigned, nodes } = this.#cluster;
    const { confirmed, refused } = preassigned.decide(nodes, roundMax);
    for (const { placement, group } of confirmed) this.#assign(placement, group);
    this.refused.push(...refused);
  }

  /** Places a share of a group; one with more to place takes its next turn after the others. */
  decide(group: PendingGroup, nowMs: number): void {
    const { nodes, pending } = this.#cluster;
    const tried = first(group.tasks, Math.min(turnMax, roundMax - this.assignments.length));
    const placements = place(nodes, group, tried, nowMs);
    for (const placement of placements) this.#assign(placement, group);
    if (placements.length < tried.length && this.#placeBeside(group) === 0) this.#block(group);
    else if (group.tasks.size > 0) pending.wake(group);
  }

  /** Tasks that only the limit of replicas keeps away go where the ones they replace are; returns how many did. */
  #placeBeside(group: PendingGroup): number {
    if (group.needs.maxReplicas === 0 || group.replaces === undefined) return 0;
    let placed = 0;
    for (const [taskId, replacedId] of [...group.replaces]) {
      if (placed >= turnMax) break;
      const placement = placeBeside(this.#cluster.nodes, group, taskId, replacedId);
      if (placement === undefined) continue;
      this.#assign(placement, group);
      placed += 1;
    }
    return placed;
  }

  #block(group: PendingGroup): void {
    const told = this.#reasons.tell(group);
    if (told) this.told.push(told);
    this.#cluster.pending.block(group);
  }

  #assign(placement: Placement, { needs }: Pick<PendingGroup, "needs">): void {
    this.assignments.push({ ...placement, needs });
    this.#cluster.inFlight.add(placement.taskId);
    this.#cluster.pending.delete(placement.taskId);
  }
}

function first(items: Iterable<string>, max: number): readonly string[] {
  const taken: string[] = [];
  for (const item of items) {
    if (taken.length >= max) break;
    taken.push(item);
  }
  return taken;
}
