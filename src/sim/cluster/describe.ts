// A row's change in words: which fields became what. Ids stay as they are; the reader's names are put in afterwards.

import type { Service, Task, TaskStatus } from "../../gen/skep/v1/objects.js";
import { NodeState, TaskState, UpdateState } from "../../gen/skep/v1/objects.js";
import type { RowChange } from "../../store/index.js";
import { changedFields } from "./checks/ownership.js";

export function describe(change: RowChange): string {
  const { table, id, row, previous } = change;
  if (row === undefined) return `${table} ${id} deleted`;
  if (table === "task") return `task ${id} ${previous ? taskChanges(row, previous) : taskMade(row)}`;
  if (table === "service" && previous) return `service ${id}: ${serviceChanges(row, previous)}`;
  if (table === "node" && previous) {
    const fields = changedFields(row, previous).map((field) =>
      field === "status" ? `status ${nameOf(NodeState, row.status?.state)}` : field,
    );
    return `node ${id}: ${fields.join(", ")}`;
  }
  const verb = previous ? `: ${changedFields(row, previous).join(", ")}` : " created";
  return `${table} ${id}${verb}`;
}

/** `RUNNING "started"`, with the error if there is one. */
export function statusText(status: TaskStatus | undefined): string {
  const err = status?.err ? ` (${status.err})` : "";
  return `${nameOf(TaskState, status?.state)} "${status?.message ?? ""}"${err}`;
}

export function nameOf(names: Readonly<Record<string, number>>, value: number | undefined): string {
  return Object.entries(names).find(([, each]) => each === value)?.[0] ?? "NONE";
}

function taskMade(task: Task): string {
  return `created: ${statusText(task.status)}, desired ${nameOf(TaskState, task.desiredState)}`;
}

function taskChanges(row: Task, previous: Task): string {
  const fields = changedFields(row, previous).map((field) => {
    switch (field) {
      case "status":
        return statusText(row.status);
      case "desiredState":
        return `desired ${nameOf(TaskState, row.desiredState)}`;
      case "nodeId":
        return `node ${row.nodeId}`;
      case "wait":
        return row.wait ? `waits: ${row.wait.reason}` : "waits no more";
      default:
        return field;
    }
  });
  return fields.join(", ");
}

function serviceChanges(row: Service, previous: Service): string {
  const fields = changedFields(row, previous).map((field) => {
    if (field === "updateStatus") return `update ${nameOf(UpdateState, row.updateStatus?.state)}`;
    return field === "revision" ? `revision ${row.revision}` : field;
  });
  return fields.join(", ");
}
