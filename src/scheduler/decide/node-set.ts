// All nodes with what occupies them, kept up to date one change at a time.

import type { Node } from "../../gen/skep/v1/objects.js";
import { NodeInfo, type Occupant } from "./node-info.js";
import { Ranking } from "./ranking.js";

export class NodeSet {
  readonly #infos = new Map<string, NodeInfo>();
  readonly #ranking = new Ranking();
  /** The nodes that hold active tasks of each service. */
  readonly #holders = new Map<string, Set<NodeInfo>>();
  /** The nodes where tasks of each service and revision failed. */
  readonly #failed = new Map<string, Set<NodeInfo>>();
  /** Which node each task occupies. */
  readonly #places = new Map<string, NodeInfo>();

  get size(): number {
    return this.#infos.size;
  }

  get(nodeId: string): NodeInfo | undefined {
    return this.#infos.get(nodeId);
  }

  all(): Iterable<NodeInfo> {
    return this.#infos.values();
  }

  bestFirst(): Iterable<NodeInfo> {
    return this.#ranking.bestFirst();
  }

  /** Nodes that are not equal to the others for such a task: they hold its service's tasks, or saw them fail. */
  special(serviceId: string, key: string): ReadonlySet<NodeInfo> {
    const holders = this.#holders.get(serviceId) ?? nobody;
    const failed = this.#failed.get(key);
    return failed === undefined ? holders : new Set([...holders, ...failed]);
  }

  /** A new node, or a new row of a known one. */
  put(node: Node): NodeInfo {
    const known = this.#infos.get(node.id);
    if (known !== undefined) {
      known.become(node);
      this.#ranking.moved(known);
      return known;
    }
    const info = new NodeInfo(node);
    this.#infos.set(node.id, info);
    this.#ranking.add(info);
    return info;
  }

  delete(nodeId: string): void {
    const info = this.#infos.get(nodeId);
    if (info === undefined) return;
    for (const taskId of [...info.occupants.keys()]) this.vacate(taskId);
    for (const failed of this.#failed.values()) failed.delete(info);
    this.#ranking.remove(info);
    this.#infos.delete(nodeId);
  }

  clear(): void {
    for (const id of [...this.#infos.keys()]) this.delete(id);
    this.#failed.clear();
  }

  placeOf(taskId: string): NodeInfo | undefined {
    return this.#places.get(taskId);
  }

  /** Puts a task on a node; where it was before is forgotten. `ranks: false` leaves the ranking to a later `rank`. */
  occupy(info: NodeInfo, occupant: Occupant, options: { readonly ranks: boolean } = { ranks: true }): void {
    this.vacate(occupant.taskId);
    info.add(occupant);
    this.#places.set(occupant.taskId, info);
    if (occupant.isActive) insert(this.#holders, occupant.serviceId, info);
    if (options.ranks) this.#ranking.moved(info);
  }

  /** Takes a task from its node, which is returned. */
  vacate(taskId: string): NodeInfo | undefined {
    const info = this.#places.get(taskId);
    if (info === undefined) return undefined;
    const serviceId = info.occupants.get(taskId)?.serviceId ?? "";
    info.remove(taskId);
    this.#places.delete(taskId);
    if (info.countOf(serviceId) === 0) take(this.#holders, serviceId, info);
    this.#ranking.moved(info);
    return info;
  }

  /** Brings the ranking up to date after `occupy` without it. */
  rank(infos: Iterable<NodeInfo>): void {
    for (const info of infos) this.#ranking.moved(info);
  }

  fail(nodeId: string, key: string, atMs: number): void {
    const info = this.#infos.get(nodeId);
    if (info === undefined) return;
    info.fail(key, atMs);
    insert(this.#failed, key, info);
  }

  /** A service's revision is of no interest any more. */
  forgetFailures(key: string): void {
    this.#failed.delete(key);
  }
}

const nobody: ReadonlySet<NodeInfo> = new Set();

function insert(sets: Map<string, Set<NodeInfo>>, key: string, info: NodeInfo): void {
  const set = sets.get(key);
  if (set) set.add(info);
  else sets.set(key, new Set([info]));
}

function take(sets: Map<string, Set<NodeInfo>>, key: string, info: NodeInfo): void {
  const set = sets.get(key);
  if (!set?.delete(info)) return;
  if (set.size === 0) sets.delete(key);
}
