// A change is what is replicated: put row, delete row, and task status as a kind of its own. And its wire form.

import { invariant } from "../base/index.js";
import type { Task, TaskStatus } from "../gen/skep/v1/objects.js";
import { type Change as ChangeMessage, type Row, Table as TableCode } from "../gen/skep/v1/store.js";
import type { AnyRow, Rows, TableName } from "./schema.js";

type Put = { readonly [T in TableName]: { readonly kind: "put"; readonly table: T; readonly row: Rows[T] } }[TableName];

export type Change =
  | Put
  | { readonly kind: "delete"; readonly table: TableName; readonly id: string }
  | { readonly kind: "status"; readonly taskId: string; readonly status: TaskStatus };

const codes: Readonly<Record<TableName, TableCode>> = {
  cluster: TableCode.CLUSTER,
  node: TableCode.NODE,
  service: TableCode.SERVICE,
  revision: TableCode.REVISION,
  task: TableCode.TASK,
  network: TableCode.NETWORK,
  request: TableCode.REQUEST,
};
const names = new Map(Object.entries(codes).map(([name, code]) => [code, name as TableName]));

/** The wire form of a change. */
export function encodeChange(change: Change): ChangeMessage {
  switch (change.kind) {
    case "put":
      return { kind: { $case: "put", value: encodeRow(change.table, change.row) } };
    case "delete":
      return { kind: { $case: "delete", value: { table: codes[change.table], id: change.id } } };
    case "status":
      return { kind: { $case: "taskStatus", value: { taskId: change.taskId, status: change.status } } };
    default:
      return change satisfies never;
  }
}

/** A change from its wire form; what this version does not know is damage, since formats are checked before. */
export function decodeChange(message: ChangeMessage): Change {
  const kind = message.kind;
  invariant(kind !== undefined, "a change has a kind");
  switch (kind.$case) {
    case "put":
      return { kind: "put", ...decodeRow(kind.value) } as Put;
    case "delete": {
      const table = names.get(kind.value.table);
      invariant(table !== undefined, "a deletion names a known table", { table: kind.value.table });
      return { kind: "delete", table, id: kind.value.id };
    }
    case "taskStatus":
      invariant(kind.value.status !== undefined, "a status change has a status", { task: kind.value.taskId });
      return { kind: "status", taskId: kind.value.taskId, status: kind.value.status };
    default:
      return kind satisfies never;
  }
}

export function encodeRow(table: TableName, row: AnyRow): Row {
  return { row: { $case: table, value: row } as NonNullable<Row["row"]> };
}

export function decodeRow(message: Row): { table: TableName; row: AnyRow } {
  invariant(message.row !== undefined, "a row has a table");
  return { table: message.row.$case, row: message.row.value };
}

/** The task with a new status: the one place where a status change becomes a row. */
export function withStatus(task: Task, status: TaskStatus, version: number): Task {
  const updatedAt = status.appliedAt ?? status.timestamp;
  return { ...task, status, meta: { version, createdAt: task.meta?.createdAt, updatedAt } };
}
