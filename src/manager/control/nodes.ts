// Nodes: what may be changed of one, and how one goes for good.

import { type Clock, rpcError, SwarmError, wallTime } from "../../base/index.js";
import { type Node, NodeState, TaskState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, NodeRole, type NodeSpec } from "../../gen/skep/v1/specs.js";
import { isOnNode, withRemovedNode } from "../../model/index.js";
import type { Store, Transaction } from "../../store/index.js";
import { demotionRefusal } from "./demotion.js";
import { findNode } from "./find.js";
import type { Membership } from "./membership.js";
import { refuseStale } from "./version.js";
import type { Writes } from "./write.js";

/** Tasks orphaned in one transaction: well below what an entry holds. */
const orphansMax = 500;

export class Nodes {
  readonly #store: Store;
  readonly #writes: Writes;
  readonly #membership: Membership;
  readonly #clock: Clock;

  constructor(
    _options: Record<string, never>,
    modules: {
      readonly store: Store;
      readonly writes: Writes;
      readonly membership: Membership;
      readonly clock: Clock;
    },
  ) {
    this.#store = modules.store;
    this.#writes = modules.writes;
    this.#membership = modules.membership;
    this.#clock = modules.clock;
  }

  /** Changes name, labels, availability, role: what `node promote` and `node demote` do. `version` is the one the caller saw. */
  async update(requestId: string, input: string, version: number, spec: NodeSpec): Promise<void> {
    const { id } = findNode(this.#store, input);
    await this.#writes.once(requestId, (tx) => {
      const node = tx.table("node").get(id);
      if (node === undefined) throw new SwarmError("NotFound", `node ${id} not found`);
      this.#refuseRoleChange(tx, node, spec.desiredRole);
      refuseStale(node, version);
      tx.put("node", this.#changed(node, spec, tx.revision + 1));
      return "";
    });
  }

  /**
   * Forgets a node: its certificate is refused from now on, its tasks are orphans. In steps, because it may have more tasks
   * than a transaction holds; the node goes with the last, so a removal cut short can be asked for again.
   */
  async remove(requestId: string, input: string, force: boolean): Promise<void> {
    // A repeat of what was done finds no such node any more (C3).
    if (this.#store.table("request").get(requestId) !== undefined) return;
    const { id } = findNode(this.#store, input);
    while (await this.#writes.step((tx) => this.#orphanSome(tx, id, force))) {
      // Each turn orphans `orphansMax` tasks of this node; a node has finitely many and gets none while it is down.
    }
    await this.#writes.once(requestId, (tx) => {
      const node = findNode(tx, id);
      this.#refuseRemoval(node, force);
      this.#orphan(tx, runningTasks(tx, id));
      tx.delete("node", id);
      this.#rememberRemoved(tx, node);
      return "";
    });
  }

  /** A spec that does not say how long to wait for a drain, as Docker's clients' do not, keeps what was said before. */
  #changed(node: Node, asked: NodeSpec, specVersion: number): Node {
    const drainTimeout = asked.drainTimeout ?? node.spec?.drainTimeout;
    const spec = drainTimeout === undefined ? asked : { ...asked, drainTimeout };
    const { drainingSince: before, ...rest } = node;
    const changed = { ...rest, spec, specVersion };
    if (spec.availability !== NodeAvailability.DRAIN) return changed;
    return { ...changed, drainingSince: before ?? wallTime(this.#clock.now()) };
  }

  #refuseRoleChange(tx: Transaction, node: Node, role: NodeRole): void {
    const before = node.spec?.desiredRole ?? NodeRole.WORKER;
    if (before === role || role === NodeRole.MANAGER) return;
    const refusal = demotionRefusal(node, tx, this.#membership);
    if (refusal) throw refusal;
  }

  #refuseRemoval(node: Node, force: boolean): void {
    if (node.spec?.desiredRole === NodeRole.MANAGER && this.#membership.managers().has(node.id)) {
      throw rpcError(
        "FailedPrecondition",
        `node ${node.id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
      );
    }
    if (node.status?.state === NodeState.READY && !force) {
      throw rpcError("FailedPrecondition", `node ${node.id} is not down and can't be removed`);
    }
  }

  /** Returns whether there are more than one transaction should take. */
  #orphanSome(tx: Transaction, nodeId: string, force: boolean): boolean {
    const node = tx.table("node").get(nodeId);
    if (node === undefined) return false;
    this.#refuseRemoval(node, force);
    const tasks = runningTasks(tx, nodeId);
    if (tasks.length <= orphansMax) return false;
    this.#orphan(tx, tasks.slice(0, orphansMax));
    return true;
  }

  #orphan(tx: Transaction, taskIds: readonly string[]): void {
    const now = wallTime(this.#clock.now());
    for (const id of taskIds) {
      const status = tx.table("task").get(id)?.status;
      tx.setStatus(id, {
        timestamp: now,
        state: TaskState.ORPHANED,
        message: "Task belonged to a node that has been deleted",
        err: "",
        container: status?.container,
        ports: [],
        appliedAt: now,
      });
    }
  }

  #rememberRemoved(tx: Transaction, node: Node): void {
    if (tx.cluster) tx.put("cluster", withRemovedNode(tx.cluster, node, this.#clock.now()));
  }
}

/** Ids of the node's tasks that are not over; what only waits for it goes with the service's next look. */
function runningTasks(tx: Transaction, nodeId: string): readonly string[] {
  return [...tx.table("task").by("node", nodeId)].filter(isOnNode).map((task) => task.id);
}
