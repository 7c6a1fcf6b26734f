// The slots of a replicated service, and which of them count as replicas (swarm-semantics §3.1 "Slot classification").

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { isTerminal, isWanted, restartOf, stateOf } from "../../../model/index.js";
import { mayRestart } from "../restart/policy.js";
import { byAge, isRollingBack, type World } from "../world.js";

/** A slot that counts as a replica. */
export interface Slot {
  readonly number: number;
  /** What stands for the replica: its wanted tasks, or the one that finished for good. */
  readonly replica: readonly Task[];
  /** All its tasks, history included. */
  readonly tasks: readonly Task[];
}

export interface Slots {
  /** By number, ascending. */
  readonly live: readonly Slot[];
  /** Nothing wanted and nothing finished for good: to be cleared away. */
  readonly dead: ReadonlyMap<number, readonly Task[]>;
}

export function slotsOf(world: World, tasks: Iterable<Task>): Slots {
  const live: Slot[] = [];
  const dead = new Map<number, readonly Task[]>();
  for (const [number, members] of bySlot(tasks)) {
    const replica = replicaOf(world, members);
    if (replica.length > 0) live.push({ number, replica, tasks: members });
    else dead.set(number, members);
  }
  return { live: live.sort((a, b) => a.number - b.number), dead };
}

export function bySlot(tasks: Iterable<Task>): ReadonlyMap<number, readonly Task[]> {
  const slots = new Map<number, Task[]>();
  for (const task of tasks) {
    const slot = slots.get(task.slot);
    if (slot) slot.push(task);
    else slots.set(task.slot, [task]);
  }
  return slots;
}

function replicaOf(world: World, tasks: readonly Task[]): readonly Task[] {
  const wanted = tasks.filter(isWanted);
  if (wanted.length > 0) return wanted;
  if (isRollingBack(world.service)) return [];
  // What is to be removed stands for nothing, so that scaling up again does not find it "finished".
  const newest = tasks
    .filter((task) => task.desiredState < TaskState.REMOVE)
    .reduce<Task | undefined>(newer, undefined);
  return newest !== undefined && finishedForGood(world, newest) ? [newest] : [];
}

/** Over, and its policy asks for no other: a finished replica. */
function finishedForGood(world: World, task: Task): boolean {
  return isTerminal(stateOf(task)) && !mayRestart(restartOf(world.madeOf(task).task?.restart), task);
}

function newer(a: Task | undefined, b: Task): Task {
  return a === undefined || byAge(a, b) < 0 ? b : a;
}
