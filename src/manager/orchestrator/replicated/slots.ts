// The slots of a replicated service, and which of them count as replicas (swarm-semantics §3.1 "Slot classification").

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { endedByItself, isWanted, restartFor, stateOf } from "../../../model/index.js";
import { mayRestart } from "../restart/policy.js";
import { type SlotId, type SlotRef, slotOf } from "../slot-ref.js";
import { isOfOlderRun, isRollingBack, isYounger, type World } from "../world.js";

/** A slot that counts as a replica; of a global service, the one of a node. */
export interface Slot extends SlotId {
  /** What stands for the replica: its wanted tasks, or the one that finished for good. */
  readonly replica: readonly Task[];
  /** All its tasks, history included. */
  readonly tasks: readonly Task[];
}

export interface Slots {
  /** By number, ascending; by node where slots have none. */
  readonly live: readonly Slot[];
  /** Nothing wanted and nothing finished for good. */
  readonly dead: readonly DeadSlot[];
}

export interface DeadSlot extends SlotId {
  readonly tasks: readonly Task[];
}

export function slotsOf(world: World, tasks: Iterable<Task>): Slots {
  const live: Slot[] = [];
  const dead: DeadSlot[] = [];
  for (const { ref, tasks: members } of bySlot(tasks)) {
    const slot = slotOfTasks(world, ref, members);
    if (slot) live.push(slot);
    else dead.push({ slot: ref.slot, nodeId: ref.nodeId, tasks: members });
  }
  return { live: live.sort(byPlace), dead };
}

/** The slot with these tasks; undefined when it is dead. */
export function slotOfTasks(world: World, { slot, nodeId }: SlotId, tasks: readonly Task[]): Slot | undefined {
  const replica = replicaOf(world, tasks);
  return replica.length > 0 ? { slot, nodeId, replica, tasks } : undefined;
}

/** The tasks of one service, slot by slot. */
export function bySlot(tasks: Iterable<Task>): Iterable<{ readonly ref: SlotRef; readonly tasks: readonly Task[] }> {
  const slots = new Map<number | string, { readonly ref: SlotRef; readonly tasks: Task[] }>();
  for (const task of tasks) {
    const key = task.slot > 0 ? task.slot : task.nodeId;
    const slot = slots.get(key);
    if (slot) slot.tasks.push(task);
    else slots.set(key, { ref: slotOf(task), tasks: [task] });
  }
  return slots.values();
}

export function byPlace(a: SlotId, b: SlotId): number {
  return a.slot - b.slot || (a.nodeId < b.nodeId ? -1 : 1);
}

function replicaOf(world: World, members: readonly Task[]): readonly Task[] {
  const tasks = members.filter((task) => !isOfOlderRun(world, task));
  const wanted = tasks.filter(isWanted);
  if (wanted.length > 0) return wanted;
  if (isRollingBack(world.service)) return [];
  // What is to be removed stands for nothing, so that scaling up again does not find it "finished".
  const youngest = tasks
    .filter((task) => task.desiredState < TaskState.REMOVE)
    .reduce<Task | undefined>(younger, undefined);
  return youngest !== undefined && finishedForGood(world, youngest) ? [youngest] : [];
}

/** Ended by itself, and its policy asks for no other: a finished replica. */
function finishedForGood(world: World, task: Task): boolean {
  return endedByItself(stateOf(task)) && !mayRestart(restartFor(world.madeOf(task)), task);
}

/** By who was made last, not by who ended last: the one it replaced may take longer to stop, or be orphaned later. */
function younger(a: Task | undefined, b: Task): Task {
  return a === undefined || isYounger(b, a) ? b : a;
}
