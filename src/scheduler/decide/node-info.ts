// What the scheduler knows of one node: what is free, what runs, what failed there lately.

import { type Node, NodeState } from "../../gen/skep/v1/objects.js";
import { type GenericResource, NodeAvailability } from "../../gen/skep/v1/specs.js";
import { withoutGeneric } from "../../model/index.js";
import type { Needs } from "./needs.js";

/** A task that occupies a node until its observed state passes RUNNING. */
export interface Occupant {
  readonly taskId: string;
  readonly serviceId: string;
  readonly needs: Needs;
  /** The generic resources it was given. */
  readonly generic: readonly GenericResource[];
  /** Wanted: it counts for spreading; one that is told to stop still occupies. */
  readonly isActive: boolean;
}

export class NodeInfo {
  readonly id: string;
  node: Node;
  isReady: boolean;
  freeCpus = 0;
  freeMemory = 0;
  freeGeneric: readonly GenericResource[] = [];
  /** More is better where task counts are equal: free thousandths of a core plus free memory in units of 4 MiB. */
  freeScore = 0;
  /** The beginning of the id as a number in the same order: ids need only be compared where it is equal. */
  readonly idOrder: number;
  /** Active tasks. */
  total = 0;
  /** Active tasks per service. */
  readonly services = new Map<string, number>();
  /** Host ports in use, with how many tasks use each: during an update two may. */
  readonly hostPorts = new Map<string, number>();
  readonly occupants = new Map<string, Occupant>();
  /** Grows with each change of what is said here. */
  stamp = 1;

  constructor(node: Node) {
    this.id = node.id;
    this.idOrder = idOrder(node.id);
    this.node = node;
    this.isReady = acceptsTasks(node);
    this.#recount();
  }

  /** Takes over a new row of the node. */
  become(node: Node): void {
    const previous = this.node;
    this.node = node;
    this.isReady = acceptsTasks(node);
    this.stamp += 1;
    if (node.description?.resources !== previous.description?.resources) this.#recount();
  }

  /** The node is gone: whoever still knows it finds that it takes nothing. */
  leave(): void {
    this.isReady = false;
    this.stamp += 1;
  }

  add(occupant: Occupant): void {
    this.occupants.set(occupant.taskId, occupant);
    this.#count(occupant, 1);
    if (occupant.generic.length > 0) this.freeGeneric = withoutGeneric(this.freeGeneric, occupant.generic);
  }

  remove(taskId: string): void {
    const occupant = this.occupants.get(taskId);
    if (occupant === undefined) return;
    this.occupants.delete(taskId);
    this.#count(occupant, -1);
    if (occupant.generic.length > 0) this.#recountGeneric();
  }

  countOf(serviceId: string): number {
    return this.services.get(serviceId) ?? 0;
  }

  #count(occupant: Occupant, by: 1 | -1): void {
    const { needs } = occupant;
    this.stamp += 1;
    this.freeCpus -= by * needs.cpus;
    this.freeMemory -= by * needs.memory;
    this.#score();
    for (const port of needs.hostPorts) addTo(this.hostPorts, port, by);
    if (!occupant.isActive) return;
    this.total += by;
    addTo(this.services, occupant.serviceId, by);
  }

  #recount(): void {
    const offered = this.node.description?.resources;
    this.freeCpus = offered?.nanoCpus ?? 0;
    this.freeMemory = offered?.memoryBytes ?? 0;
    for (const { needs } of this.occupants.values()) {
      this.freeCpus -= needs.cpus;
      this.freeMemory -= needs.memory;
    }
    this.#score();
    this.#recountGeneric();
  }

  #recountGeneric(): void {
    let free = this.node.description?.resources?.generic ?? [];
    for (const { generic } of this.occupants.values()) free = withoutGeneric(free, generic);
    this.freeGeneric = free;
  }

  #score(): void {
    // Small integers, which the heaps compare without touching memory elsewhere.
    this.freeScore = ((this.freeCpus / 1e6) | 0) + ((this.freeMemory / 2 ** 22) | 0);
  }
}

/** READY, ACTIVE, and neither its daemon nor its engine away. */
export function acceptsTasks(node: Node): boolean {
  return (
    node.status?.state === NodeState.READY &&
    !node.status.suspended &&
    (node.spec?.availability ?? NodeAvailability.ACTIVE) === NodeAvailability.ACTIVE
  );
}

/** Four ASCII characters of seven bits. */
function idOrder(id: string): number {
  let order = 0;
  for (let at = 0; at < 4; at++) {
    const code = id.charCodeAt(at);
    if (code > 127) return order << (7 * (4 - at));
    order = (order << 7) | code;
  }
  return order;
}

function addTo(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
