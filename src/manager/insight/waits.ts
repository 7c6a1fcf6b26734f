// The tasks of a service that are wanted and do not run yet, gathered by what holds them back.

import type { ExplainedWait, WaitStage } from "../../api/types.js";
import { millis } from "../../base/index.js";
import { type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { heldBy, isWanted, stateOf, stateText } from "../../model/index.js";
import { askedByTask } from "../../scheduler/index.js";
import { predecessorOf, taskSpecOf, type View } from "../../store/index.js";
import { wouldHelp } from "./help.js";
import { bySlot, hostname, slotName, timeText } from "./names.js";
import { examine, explainNode, refusals } from "./nodes.js";

/** Causes told apart, and tasks named for each. */
export const waitsMax = 50;
export const namesMax = 20;
/** Causes for which nodes are looked at: a service has few revisions that wait at the same time. */
export const examinedMax = 3;

export interface Waits {
  readonly waits: readonly ExplainedWait[];
  /** Tasks of causes that are not told. */
  readonly leftOut: number;
  readonly hints: readonly string[];
}

interface Cause {
  readonly stage: WaitStage;
  readonly reason: string;
  readonly untilMs: number | undefined;
  readonly sinceMs: number;
}

interface Group extends Cause {
  readonly tasks: readonly Task[];
}

export function waitsOf(view: View, service: Service, tasks: readonly Task[]): Waits {
  const groups = gathered(
    view,
    tasks.filter((task) => isWanted(task) && stateOf(task) < TaskState.RUNNING),
  );
  const hints: string[] = [];
  let examined = 0;
  const waits = groups.slice(0, waitsMax).map((group) => {
    const base = told(view, service, group);
    if (group.stage !== "scheduler" || examined >= examinedMax) return base;
    examined += 1;
    const { wait, help } = withNodes(view, service, group, base);
    hints.push(...help);
    return wait;
  });
  const leftOut = groups.slice(waitsMax).reduce((sum, group) => sum + group.tasks.length, 0);
  return { waits, leftOut, hints };
}

function gathered(view: View, tasks: readonly Task[]): readonly Group[] {
  const groups = new Map<string, Cause & { sinceMs: number; readonly tasks: Task[] }>();
  for (const task of tasks.toSorted(bySlot)) {
    const cause = causeOf(view, task);
    // Which revision it is of decides what it asks of a node.
    const key = JSON.stringify([cause.stage, cause.reason, stateOf(task), task.nodeId, task.revision]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { ...cause, tasks: [task] });
    else {
      known.tasks.push(task);
      known.sinceMs = Math.min(known.sinceMs, cause.sinceMs);
    }
  }
  return [...groups.values()].sort((a, b) => b.tasks.length - a.tasks.length || a.sinceMs - b.sinceMs);
}

/** NEW waits for the allocator, PENDING for the scheduler; whoever has a node for that, its delay or its predecessor. */
function causeOf(view: View, task: Task): Cause {
  const state = stateOf(task);
  const reachedMs = millis(task.status?.appliedAt ?? task.status?.timestamp ?? task.meta?.createdAt);
  if (state >= TaskState.ASSIGNED) {
    const node = view.table("node").get(task.nodeId);
    return { ...heldBy(task, node, predecessorOf(view, task)), sinceMs: reachedMs };
  }
  const stage = state === TaskState.NEW ? "allocator" : "scheduler";
  const reason = task.wait?.reason || `the ${stage} has not got to it yet`;
  return { stage, reason, untilMs: undefined, sinceMs: task.wait?.since ? millis(task.wait.since) : reachedMs };
}

function told(view: View, service: Service, { stage, reason, untilMs, sinceMs, tasks }: Group): ExplainedWait {
  const [first] = tasks;
  return {
    Stage: stage,
    State: stateText(first === undefined ? TaskState.NEW : stateOf(first)) as ExplainedWait["State"],
    Reason: reason,
    Since: timeText(sinceMs),
    ...(untilMs === undefined ? {} : { Until: timeText(untilMs) }),
    Tasks: tasks.slice(0, namesMax).map((task) => slotName(view, service.name, task)),
    TaskCount: tasks.length,
    ...(first === undefined || first.nodeId === "" ? {} : { Node: hostname(view, first.nodeId) }),
  };
}

function withNodes(
  view: View,
  service: Service,
  { tasks }: Group,
  wait: ExplainedWait,
): { readonly wait: ExplainedWait; readonly help: readonly string[] } {
  const [task] = tasks;
  if (task === undefined) return { wait, help: [] };
  const asked = askedByTask(view, task);
  const own = view.table("node").get(task.nodeId);
  const { nodes, leftOut } = examine(view, asked, own === undefined ? view.table("node").all() : [own]);
  const constraints = taskSpecOf(view, task).task?.placement?.constraints ?? [];
  return {
    wait: {
      ...wait,
      Nodes: nodes.map((node) => explainNode(view, node)),
      NodesLeftOut: leftOut,
      Refused: refusals(nodes),
    },
    help: wouldHelp(view, asked, { serviceName: service.name, constraints }, nodes),
  };
}
