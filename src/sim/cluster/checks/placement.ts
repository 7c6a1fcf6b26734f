// A task is given a node that fits, at the moment it is given: counted anew from the rows, by the plainest means.

import { type Node, NodeState, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { NodeAvailability, PublishMode, type ServiceSpec } from "../../../gen/skep/v1/specs.js";
import { type RowChange, type TableName, taskSpecOf, type View } from "../../../store/index.js";

/** What is wrong with the placements among `changes`; `view` shows them made. */
export function misplacements(changes: readonly RowChange[], view: View): readonly string[] {
  return changes.flatMap((change) => {
    if (change.table !== "task" || !change.row) return [];
    const task = change.row;
    // A task of a global service has its node from its beginning, and is given it all the same.
    if (!isGiven(task) || (change.previous && isGiven(change.previous))) return [];
    return problems(task, view).map((problem) => `task ${task.id} was given node ${task.nodeId}: ${problem}`);
  });
}

/** Host ports that two tasks hold on one node. */
export function doublePorts(view: View): readonly string[] {
  const holders = new Map<string, string>();
  const wrong: string[] = [];
  for (const task of view.table("task" satisfies TableName).all()) {
    if (!occupies(task)) continue;
    for (const port of hostPorts(taskSpecOf(view, task))) {
      const key = `${task.nodeId} ${port}`;
      const holder = holders.get(key);
      if (holder !== undefined) wrong.push(`tasks ${holder} and ${task.id} hold host port ${port} of one node`);
      holders.set(key, task.id);
    }
  }
  return wrong;
}

function problems(task: Task, view: View): readonly string[] {
  const node = view.table("node").get(task.nodeId);
  if (node === undefined) return ["it does not exist"];
  const spec = taskSpecOf(view, task);
  const there = [...view.table("task").by("node", node.id)].filter(occupies);
  const wrong: string[] = [];
  if (node.status?.state !== NodeState.READY) wrong.push("it is not READY");
  if (node.status?.suspended) wrong.push("it takes nothing new");
  if (node.spec?.availability !== NodeAvailability.ACTIVE) wrong.push("it is not active");
  for (const kind of ["nanoCpus", "memoryBytes"] as const) {
    const used = there.reduce((sum, each) => sum + reserved(taskSpecOf(view, each), kind), 0);
    const isAsked = reserved(spec, kind) > 0;
    if (isAsked && used > (node.description?.resources?.[kind] ?? 0)) wrong.push(`${kind} ${used} are too many`);
  }
  for (const constraint of spec.task?.placement?.constraints ?? []) {
    if (!satisfies(constraint, node)) wrong.push(`it does not satisfy ${constraint}`);
  }
  const max = spec.task?.placement?.maxReplicas ?? 0;
  const same = there.filter((each) => each.serviceId === task.serviceId && each.desiredState <= TaskState.COMPLETE);
  if (max > 0 && same.length > max) wrong.push(`${same.length} replicas are more than ${max}`);
  return wrong;
}

function isGiven({ nodeId, status }: Task): boolean {
  const state = status?.state ?? TaskState.NEW;
  return nodeId !== "" && state >= TaskState.ASSIGNED && state <= TaskState.RUNNING;
}

/** All placement constraints of the service, as far as workloads use them. */
export function satisfiesAll(spec: ServiceSpec, node: Node): boolean {
  return (spec.task?.placement?.constraints ?? []).every((constraint) => satisfies(constraint, node));
}

/** The forms that workloads use: `node.hostname` and `node.labels.KEY`, `==` and `!=`. */
function satisfies(constraint: string, { description, spec }: Node): boolean {
  const hostname = description?.hostname ?? "";
  const labels = spec?.annotations?.labels ?? {};
  const [, key = "", operator, value] = /^([\w.]+)\s*(==|!=)\s*(.+)$/.exec(constraint) ?? [];
  const actual = key === "node.hostname" ? hostname : (labels[key.replace("node.labels.", "")] ?? "");
  return (actual === value) === (operator === "==");
}

function occupies(task: Task): boolean {
  const state = task.status?.state ?? TaskState.NEW;
  return task.nodeId !== "" && state >= TaskState.ASSIGNED && state <= TaskState.RUNNING;
}

function reserved(spec: ServiceSpec, kind: "nanoCpus" | "memoryBytes"): number {
  return spec.task?.resources?.reservations?.[kind] ?? 0;
}

function hostPorts(spec: ServiceSpec): readonly number[] {
  return (spec.endpoint?.ports ?? [])
    .filter(({ publishMode, publishedPort }) => publishMode === PublishMode.HOST && publishedPort > 0)
    .map(({ publishedPort }) => publishedPort);
}
