// The tasks of a service before a change and in the draft after it: which stay, which come, which go, which are replaced.

import type { PlannedTasks } from "../../api/types.js";
import { type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { isDirty, isJob, isTerminal, isWanted, replicasOf, stateOf } from "../../model/index.js";
import { slotKey, specOf, taskSpecOf, type View } from "../../store/index.js";

export interface TasksBetween {
  readonly counts: PlannedTasks;
  /** Made for slots that were not there. */
  readonly added: readonly Task[];
  readonly removed: readonly Task[];
  /** A task for each slot in which another has to take its place. */
  readonly replaced: readonly Task[];
}

/** `draft`: as the orchestrator leaves it once it has looked. */
export function tasksBetween(before: View, draft: View, service: Service): TasksBetween {
  const live = [...before.table("task").by("service", service.id)].filter(
    (task) => isWanted(task) && !isTerminal(stateOf(task)),
  );
  const drafted = [...draft.table("task").by("service", service.id)];
  return isJob(specOf(draft, service)) ? ofJob(live, drafted) : ofSlots(before, draft, service, { live, drafted });
}

/** Nothing of a job is replaced: another run has tasks of its own. */
function ofJob(live: readonly Task[], drafted: readonly Task[]): TasksBetween {
  const known = new Set(live.map(({ id }) => id));
  const left = new Set(drafted.filter(isWanted).map(({ id }) => id));
  const added = drafted.filter((task) => isWanted(task) && !isTerminal(stateOf(task)) && !known.has(task.id));
  const removed = live.filter(({ id }) => !left.has(id));
  return { added, removed, replaced: [], counts: countsOf(live, { added, removed, replaced: [] }) };
}

function ofSlots(
  before: View,
  draft: View,
  service: Service,
  { live, drafted }: { readonly live: readonly Task[]; readonly drafted: readonly Task[] },
): TasksBetween {
  const replicas = replicasOf(specOf(draft, service));
  const slots = slotsOf(live);
  const added = drafted.filter((task) => !slots.has(keyOf(task)) && isWanted(task) && !isTerminal(stateOf(task)));
  const left = new Set(drafted.filter(isWanted).map(keyOf));
  const removed = [...slots].flatMap(([key, task]) => (left.has(key) ? [] : [task]));
  const replaced = [...slots].flatMap(([key, task]) =>
    left.has(key) && isReplaced(before, draft, service, task) ? [task] : [],
  );
  return { added, removed, replaced, counts: countsOf([...slots.values()], { added, removed, replaced }, replicas) };
}

/** A slot by its best task: one that is as wanted counts before one that is not, one that runs before one that does not. */
function slotsOf(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  const slots = new Map<string, Task>();
  for (const task of tasks) {
    const known = slots.get(keyOf(task));
    if (known === undefined || isBetter(task, known)) slots.set(keyOf(task), task);
  }
  return slots;
}

function isBetter(task: Task, known: Task): boolean {
  return task.revision > known.revision || (task.revision === known.revision && stateOf(task) > stateOf(known));
}

function isReplaced(before: View, draft: View, service: Service, task: Task): boolean {
  return isDirty({
    task,
    made: taskSpecOf(before, task),
    revision: service.revision,
    current: specOf(draft, service),
    node: before.table("node").get(task.nodeId),
  });
}

/** `after`: how many there are to be, where that is a number. More of them than a draft holds are told, not made. */
function countsOf(
  live: readonly Task[],
  { added, removed, replaced }: Omit<TasksBetween, "counts">,
  after = live.length + added.length - removed.length,
): PlannedTasks {
  const Removed = Math.max(removed.length, live.length - after);
  const Replaced = Math.min(replaced.length, live.length - Removed);
  return {
    Running: live.filter((task) => stateOf(task) === TaskState.RUNNING).length,
    Before: live.length,
    After: after,
    Added: after - live.length + Removed,
    Removed,
    Replaced,
    Kept: live.length - Removed - Replaced,
  };
}

function keyOf(task: Task): string {
  return slotKey(task.serviceId, task.slot, task.nodeId);
}
