// /tasks

import { SwarmError } from "../../base/index.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { findNode, findService, findTask, revisionId, specOf, type View } from "../../manager/control/index.js";
import { isDirty, stateText, taskName } from "../../model/index.js";
import { atLeader, type LeaderCall, type RouteSpec } from "../call.js";
import { printable } from "../decode/body.js";
import { Filters } from "../filters.js";
import type { ApiResponse } from "../http.js";
import { listResponse, objectResponse } from "../list.js";

/** `_up-to-date` is the CLI's own: without it no progress is ever shown (docker-api.md trap 13). */
const filterKeys = ["_up-to-date", "desired-state", "id", "label", "name", "node", "runtime", "service"];
const stateWords: ReadonlySet<string> = new Set(Object.values(TaskState).map(stateText).concat("allocated"));

export const taskRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/tasks", list),
  atLeader("GET", "/tasks/{id}", inspect),
];

function list({ control, query, shared }: LeaderCall): ApiResponse {
  const { view } = control;
  const filters = Filters.parse(query.get("filters"), filterKeys);
  refuseUnknownStates(filters);
  const tasks = candidates(view, filters).filter((task) => matches(view, task, filters));
  return listResponse(tasks, (task) => shared.rows.task(view, task));
}

function inspect({ control, id, shared }: LeaderCall): ApiResponse {
  return objectResponse(shared.rows.task(control.view, findTask(control.view, id)));
}

function refuseUnknownStates(filters: Filters): void {
  for (const state of filters.get("desired-state") ?? []) {
    if (!stateWords.has(state)) {
      throw new SwarmError("Unknown", `Invalid desired-state filter: '${printable(state)}'`);
    }
  }
}

/** The tasks of the services and nodes asked for, by index; proxies ask for one service's tasks all day. */
function candidates(view: View, filters: Filters): Task[] {
  const table = view.table("task");
  const services = filters.get("service")?.map((input) => findService(view, input).id);
  const nodes = filters.get("node")?.map((input) => findNode(view, input).id);
  if (services !== undefined) {
    const tasks = [...new Set(services)].flatMap((id) => [...table.by("service", id)]);
    return nodes === undefined ? tasks : tasks.filter((task) => nodes.includes(task.nodeId));
  }
  if (nodes !== undefined) return [...new Set(nodes)].flatMap((id) => [...table.by("node", id)]);
  return [...table.all()];
}

function matches(view: View, task: Task, filters: Filters): boolean {
  if (filters === Filters.empty) return true;
  return (
    filters.some("id", (value) => task.id.startsWith(value)) &&
    filters.some("desired-state", (value) => value === stateText(task.desiredState)) &&
    filters.some("runtime", (value) => value === "" || value === "container") &&
    filters.some("name", (value) => nameOf(view, task).startsWith(value)) &&
    filters.labels("label", annotationsOf(view, task)?.labels) &&
    (filters.get("_up-to-date") === undefined || isUpToDate(view, task))
  );
}

/** Name and labels the service had when the task was made: they outlive it. */
function annotationsOf(view: View, task: Task) {
  return view.table("revision").get(revisionId(task.serviceId, task.revision))?.spec?.annotations;
}

function nameOf(view: View, task: Task): string {
  return taskName(annotationsOf(view, task)?.name ?? task.serviceId, task);
}

function isUpToDate(view: View, task: Task): boolean {
  const service = view.table("service").get(task.serviceId);
  const made = view.table("revision").get(revisionId(task.serviceId, task.revision))?.spec;
  if (service === undefined || made === undefined) return false;
  const node = view.table("node").get(task.nodeId);
  return !isDirty({ task, made, revision: service.revision, current: specOf(view, service), node });
}
