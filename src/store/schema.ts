// The tables of the store and their declared indexes: nothing else is ever looked up without a scan.

import type { Cluster, Network, Node, Request, Revision, Service, Task } from "../gen/skep/v1/objects.js";
import { NodeRole } from "../gen/skep/v1/specs.js";

/** Row type per table. */
export interface Rows {
  cluster: Cluster;
  node: Node;
  service: Service;
  revision: Revision;
  task: Task;
  network: Network;
  request: Request;
}

export type TableName = keyof Rows;
export type AnyRow = Rows[TableName];

/** Index names per table. */
export interface Indexes {
  cluster: never;
  node: "hostname" | "manager" | "raft";
  /** Names are unique without regard to case: look them up through `nameKey`. */
  service: "name";
  revision: "service";
  task: "service" | "node" | "slot" | "revision";
  network: "name";
  request: never;
}

type KeysOf<T extends TableName> = Readonly<Record<Indexes[T], (row: Rows[T]) => string>>;

/** The key of each index, as a function of the row; "" keeps a row out of the index. */
export const indexKeys: { readonly [T in TableName]: KeysOf<T> } = {
  cluster: {},
  node: {
    hostname: (node) => node.description?.hostname ?? "",
    manager: (node) => (isOrBecomesManager(node) ? anyManager : ""),
    raft: (node) => (node.manager ? String(node.manager.raftId) : ""),
  },
  service: { name: (service) => nameKey(service.name) },
  revision: { service: (revision) => revision.serviceId },
  task: {
    service: (task) => task.serviceId,
    node: (task) => task.nodeId,
    slot: (task) => slotKey(task.serviceId, task.slot, task.nodeId),
    revision: (task) => revisionId(task.serviceId, task.revision),
  },
  network: { name: (network) => network.name },
  request: {},
};

export const tableNames = Object.keys(indexKeys) as readonly TableName[];

/** The one key of the `manager` index of nodes: those that are, are to be, or have yet to cease to be managers. */
export const anyManager = "manager";

function isOrBecomesManager({ spec, role, manager }: Node): boolean {
  return spec?.desiredRole === NodeRole.MANAGER || role === NodeRole.MANAGER || manager !== undefined;
}

/** Key of the `name` index of services: names clash without regard to case (docker-api.md trap 22). */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** Key of the `slot` index of tasks: the slot of a replicated service, the node of a global one. */
export function slotKey(serviceId: string, slot: number, nodeId: string): string {
  return slot > 0 ? `${serviceId}/${slot}` : `${serviceId}/${nodeId}`;
}

/** Id of a revision row. */
export function revisionId(serviceId: string, number: number): string {
  return `${serviceId}.${number}`;
}
