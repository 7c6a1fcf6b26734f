// One writer per (field, state): architecture.md "Who writes what", held against what a part really wrote. Pure.
// Deliberately a second telling of the table: it shares nothing with the code it judges.

import { type Service, type Task, TaskState, UpdateState } from "../../../gen/skep/v1/objects.js";
import { deepEqual, stateText } from "../../../model/index.js";
import type { RowChange, TableName } from "../../../store/index.js";

type Owners = Readonly<Record<string, readonly string[]>>;

const orchestrators = ["orchestrator", "reaper", "enforcer"];

/** Table → who makes rows, who deletes them, and who changes each field; a field that is not listed never changes. */
const owners: Readonly<
  Record<
    TableName,
    { readonly creates: readonly string[]; readonly deletes: readonly string[]; readonly fields: Owners }
  >
> = {
  cluster: {
    creates: [],
    deletes: [],
    // Tokens are control's to ask for and the CA's to make: one transaction, written through control's handle.
    fields: {
      spec: ["control"],
      rootCa: ["ca", "control"],
      unlockKey: ["control"],
      removedNodes: ["control", "ca"],
      removedRaftIds: ["roles", "members"],
      level: ["roles"],
    },
  },
  node: {
    creates: ["ca"],
    deletes: ["control"],
    fields: {
      spec: ["control", "members"],
      specVersion: ["control", "members"],
      drainingSince: ["control"],
      description: ["dispatcher"],
      status: ["dispatcher"],
      role: ["roles"],
      certificate: ["ca"],
      manager: ["roles", "members"],
    },
  },
  service: {
    creates: ["control"],
    deletes: ["control"],
    fields: {
      name: ["control"],
      specVersion: ["control", "orchestrator"],
      revision: ["control", "orchestrator"],
      previousRevision: ["control", "orchestrator"],
      lastRevision: ["control"],
      endpoint: ["allocator"],
      updateStatus: ["orchestrator", "control"],
      jobStatus: ["control", "orchestrator"],
    },
  },
  revision: { creates: ["control"], deletes: ["control", ...orchestrators], fields: {} },
  task: {
    creates: orchestrators,
    deletes: [...orchestrators, "control"],
    fields: {
      nodeId: ["scheduler"],
      status: ["allocator", "scheduler", "dispatcher", "control", "enforcer"],
      desiredState: orchestrators,
      restart: orchestrators,
      stopReason: orchestrators,
      wait: ["allocator", "scheduler"],
      assignedGeneric: ["scheduler"],
      networkIds: ["allocator"],
    },
  },
  network: { creates: [], deletes: [], fields: {} },
  request: { creates: [], deletes: [], fields: {} },
};

/** What `part` wrote that is not its own to write. */
export function foreignWrites(part: string, change: RowChange): readonly string[] {
  const { table, row, previous } = change;
  const own = owners[table];
  if (row === undefined) return may(own.deletes, part, `deleted a ${table}`);
  if (previous === undefined) return [...may(own.creates, part, `made a ${table}`), ...birth(change)];
  const fields = changedFields(row, previous).flatMap((field) =>
    may(own.fields[field] ?? [], part, `changed ${table}.${field}`),
  );
  return [...fields, ...more(part, change)];
}

/** Names of the fields in which two rows differ; what the store stamps is left out. */
export function changedFields(row: object, previous: object): readonly string[] {
  const before = new Map(Object.entries(previous));
  const names = new Set([...Object.keys(row), ...before.keys()]);
  const after = new Map(Object.entries(row));
  return [...names].filter((name) => name !== "meta" && !deepEqual(after.get(name), before.get(name)));
}

function may(allowed: readonly string[], part: string, what: string): readonly string[] {
  return allowed.includes(part) ? [] : [`${part} ${what}`];
}

function birth(change: RowChange): readonly string[] {
  if (change.table !== "task" || !change.row) return [];
  return stateOf(change.row) === TaskState.NEW ? [] : [`a task was made ${stateText(stateOf(change.row))}`];
}

/** What depends on more than the field's name. */
function more(part: string, change: RowChange): readonly string[] {
  if (change.table === "task" && change.row && change.previous) return taskMoves(part, change.row, change.previous);
  if (change.table === "service" && change.row && change.previous)
    return serviceMoves(part, change.row, change.previous);
  return [];
}

function taskMoves(part: string, row: Task, previous: Task): readonly string[] {
  const wrong: string[] = [];
  const [from, to] = [stateOf(previous), stateOf(row)];
  const isOnNode = from >= TaskState.ASSIGNED || previous.nodeId !== "";
  if (!deepEqual(row.status, previous.status) && !mayMove(part, { from, to, isOnNode })) {
    wrong.push(`${part} moved a task from ${stateText(from)} to ${stateText(to)}`);
  }
  if (row.wait && !deepEqual(row.wait, previous.wait) && part !== (to === TaskState.NEW ? "allocator" : "scheduler")) {
    wrong.push(`${part} said why a task waits in ${stateText(to)}`);
  }
  return wrong;
}

interface Move {
  readonly from: TaskState;
  readonly to: TaskState;
  /** It has a node: given by the scheduler, or, of a global service, from its beginning. */
  readonly isOnNode: boolean;
}

function mayMove(part: string, { from, to, isOnNode }: Move): boolean {
  const isPlaced = from >= TaskState.ASSIGNED;
  switch (part) {
    case "allocator":
      return from === TaskState.NEW && to === TaskState.PENDING;
    case "scheduler":
      return (
        from === TaskState.PENDING &&
        (to === TaskState.PENDING || to === TaskState.ASSIGNED || to === TaskState.SHUTDOWN)
      );
    case "dispatcher":
      return isPlaced && to > TaskState.ASSIGNED;
    case "control":
      return isOnNode && to === TaskState.ORPHANED;
    case "enforcer":
      return isOnNode && from <= TaskState.RUNNING && to === TaskState.REJECTED;
    default:
      return false;
  }
}

function serviceMoves(part: string, row: Service, previous: Service): readonly string[] {
  const isSpecChanged = row.specVersion !== previous.specVersion;
  const isRollback = row.updateStatus?.state === UpdateState.ROLLBACK_STARTED;
  if (part === "orchestrator" && isSpecChanged && !isRollback) {
    return ["orchestrator changed a service's spec outside an automatic rollback"];
  }
  const isStatusChanged = !deepEqual(row.updateStatus, previous.updateStatus);
  if (part === "control" && isStatusChanged && !(isSpecChanged && (row.updateStatus === undefined || isRollback))) {
    return ["control wrote an update status that is the updater's"];
  }
  return [];
}

function stateOf(task: Task): TaskState {
  return task.status?.state ?? TaskState.NEW;
}
