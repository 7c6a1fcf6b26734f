// One look at a service: how many of its tasks are where they should be, and what each of them does. Pure.
import type { Node, Service, Task, TaskState } from "../../api/types.js";
import { timeOf } from "../words.js";

/** What one slot (or, of a global service, one node) shows. */
export interface TaskLine {
  /** `2/3`, or the host's name. */
  readonly label: string;
  readonly state: TaskState;
  readonly node?: string;
  /** Why it does not run: the task's error, or what it waits for. */
  readonly reason?: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface Observation {
  /** Lines above the tasks', in Docker's words. */
  readonly summary: readonly string[];
  readonly lines: readonly TaskLine[];
  readonly isConverged: boolean;
  /** A job has nothing to verify: converged is done. */
  readonly isJob: boolean;
}

export interface Look {
  readonly service: Service;
  /** Those made from the service's current spec. */
  readonly tasks: readonly Task[];
  readonly nodes: readonly Node[];
  readonly isRollback: boolean;
}

/** More lines than this are no longer read: only the summary is shown. */
const linesMax = 20;

const stateOrder: readonly TaskState[] = [
  "new",
  "allocated",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
];

function rank(state: TaskState): number {
  return stateOrder.indexOf(state);
}

function isTerminal(state: TaskState): boolean {
  return rank(state) > rank("running");
}

export function observe(look: Look): Observation {
  const { Mode } = look.service.Spec;
  if (Mode.ReplicatedJob)
    return observeJob(look, Mode.ReplicatedJob.TotalCompletions ?? 1, Mode.ReplicatedJob.MaxConcurrent ?? 1);
  if (Mode.GlobalJob) return observeGlobalJob(look);
  if (Mode.Global) return observeGlobal(look);
  return observeReplicated(look, Mode.Replicated?.Replicas ?? 1);
}

function observeReplicated(look: Look, replicas: number): Observation {
  const slots = bestBy(look, (task) => task.Slot ?? 0);
  const running = [...slots.values()].filter(runs).length;
  return {
    summary: [overall(look, `${running} out of ${replicas} tasks`)],
    lines: limited(replicas, slotLines(slots, replicas, 1, look)),
    isConverged: running === replicas,
    isJob: false,
  };
}

/** A slot keeps its number while an update goes through them; one beyond the count takes a number that is free. */
function slotLines(slots: ReadonlyMap<number, Task>, total: number, first: number, look: Look): TaskLine[] {
  const numbers = Array.from({ length: total }, (_, index) => index + 1);
  const numberOf = (slot: number): number => slot - first + 1;
  const free = numbers.filter((number) => !slots.has(number + first - 1));
  return [...slots]
    .map(([slot, task]) => ({ task, number: numberOf(slot) > total ? free.shift() : numberOf(slot) }))
    .filter((line): line is { task: Task; number: number } => line.number !== undefined && line.number > 0)
    .sort((a, b) => a.number - b.number)
    .map(({ task, number }) => lineOf(task, `${number}/${total}`, look));
}

function observeGlobal(look: Look): Observation {
  const byNode = [...bestBy(look, (task) => task.NodeID ?? "")].filter(([node]) => node !== "");
  if (byNode.length === 0) {
    return { summary: [overall(look, "waiting for new tasks")], lines: [], isConverged: false, isJob: false };
  }
  const running = byNode.filter(([, task]) => runs(task)).length;
  return {
    summary: [overall(look, `${running} out of ${byNode.length} tasks`)],
    lines: limited(byNode.length, nodeLines(byNode, look)),
    isConverged: running === byNode.length,
    isJob: false,
  };
}

function observeJob(look: Look, total: number, concurrent: number): Observation {
  const slots = bestBy(ofIteration(look), (task) => task.Slot ?? 0, isNewer);
  const inState = (state: TaskState): number =>
    [...slots.values()].filter(({ Status }) => Status.State === state).length;
  const complete = inState("complete");
  return {
    summary: [
      `job progress: ${complete} out of ${total} complete`,
      `active tasks: ${inState("running")} out of ${Math.min(concurrent, total - complete)} tasks`,
    ],
    lines: limited(total, slotLines(slots, total, 0, look)),
    isConverged: complete >= total,
    isJob: true,
  };
}

function observeGlobalJob(look: Look): Observation {
  const byNode = [...bestBy(ofIteration(look), (task) => task.NodeID ?? "", isNewer)].filter(([node]) => node !== "");
  const complete = byNode.filter(([, { Status }]) => Status.State === "complete").length;
  return {
    summary: [`job progress: ${complete} out of ${byNode.length} complete`],
    lines: limited(byNode.length, nodeLines(byNode, look)),
    isConverged: byNode.length > 0 && complete === byNode.length,
    isJob: true,
  };
}

function ofIteration(look: Look): Look {
  const iteration = look.service.JobStatus?.JobIteration.Index ?? 0;
  return { ...look, tasks: look.tasks.filter((task) => (task.JobIteration?.Index ?? 0) === iteration) };
}

function overall({ isRollback }: Look, counts: string): string {
  return `overall progress: ${isRollback ? "rolling back update: " : ""}${counts}`;
}

function runs({ DesiredState, Status }: Task): boolean {
  return !isTerminal(DesiredState) && Status.State === "running";
}

/** The task that speaks for a slot or node: the one furthest from its end. Dead nodes and gone tasks do not count. */
function bestBy<K>({ tasks, nodes }: Look, key: (task: Task) => K, isBetter = isEarlier): Map<K, Task> {
  const dead = new Set(nodes.filter(({ Status }) => Status.State === "down").map(({ ID }) => ID));
  const best = new Map<K, Task>();
  for (const task of tasks) {
    if (task.NodeID !== undefined && dead.has(task.NodeID)) continue;
    if (task.Status.State === "remove" || task.Status.State === "orphaned") continue;
    const other = best.get(key(task));
    if (other === undefined || isBetter(task, other)) best.set(key(task), task);
  }
  return best;
}

function isEarlier(a: Task, b: Task): boolean {
  const order = rank(a.DesiredState) - rank(b.DesiredState);
  return order < 0 || (order === 0 && rank(a.Status.State) < rank(b.Status.State));
}

/** A job's slot is spoken for by its newest task. */
function isNewer(a: Task, b: Task): boolean {
  return a.CreatedAt > b.CreatedAt;
}

function limited(total: number, lines: readonly TaskLine[]): readonly TaskLine[] {
  return total > linesMax ? [] : lines;
}

function nodeLines(byNode: readonly (readonly [string, Task])[], look: Look): TaskLine[] {
  return byNode
    .map(([id, task]) => lineOf(task, hostname(id, look.nodes) ?? id, look))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

function lineOf(task: Task, label: string, { nodes }: Look): TaskLine {
  const node = hostname(task.NodeID, nodes);
  const reason = task.Status.Err || task.Wait?.Reason;
  const isWell = task.Status.State === "running" || task.Status.State === "complete";
  return {
    label,
    state: task.Status.State,
    ...(node === undefined || node === label ? {} : { node }),
    ...(!reason || isWell ? {} : { reason }),
    sinceMs: timeOf(task.Wait?.Since ?? task.Status.Timestamp),
  };
}

function hostname(id: string | undefined, nodes: readonly Node[]): string | undefined {
  return nodes.find(({ ID }) => ID === id)?.Description.Hostname;
}

/** How far a state is on the way to running, 0 to 1. */
export function fractionOf(state: TaskState): number {
  return Math.min(1, (rank(state) + 1) / (rank("running") + 1));
}
