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

/** One index of a table. */
export interface IndexRule<Row> {
  /** The key of a row; "" keeps it out of the index. */
  readonly key: (row: Row) => string;
  /** Whether two versions of a row certainly have the same key: cheaper than to make both. */
  readonly same: (a: Row, b: Row) => boolean;
}

type RulesOf<T extends TableName> = Readonly<Record<Indexes[T], IndexRule<Rows[T]>>>;

export const indexRules: { readonly [T in TableName]: RulesOf<T> } = {
  cluster: {},
  node: {
    hostname: byField((node) => node.description?.hostname ?? ""),
    manager: byField((node) => (isOrBecomesManager(node) ? anyManager : "")),
    raft: byField((node) => (node.manager ? String(node.manager.raftId) : "")),
  },
  service: { name: { key: (service) => nameKey(service.name), same: (a, b) => a.name === b.name } },
  revision: { service: byField((revision) => revision.serviceId) },
  task: {
    service: byField((task) => task.serviceId),
    node: byField((task) => task.nodeId),
    slot: {
      key: (task) => slotKey(task.serviceId, task.slot, task.nodeId),
      same: (a, b) => a.serviceId === b.serviceId && a.slot === b.slot && (a.slot > 0 || a.nodeId === b.nodeId),
    },
    revision: {
      key: (task) => revisionId(task.serviceId, task.revision),
      same: (a, b) => a.serviceId === b.serviceId && a.revision === b.revision,
    },
  },
  network: { name: byField((network) => network.name) },
  request: {},
};

function byField<Row>(key: (row: Row) => string): IndexRule<Row> {
  return { key, same: (a, b) => key(a) === key(b) };
}

export const tableNames = Object.keys(indexRules) as readonly TableName[];

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
