// A slot that may not be doubled and has two wanted tasks all the same: the second was begun beside the first while the order
// was start-first, by an update or a drain. What is further on stays; the other comes again when it is due, and is then held
// until the first has stopped.

import type { Task } from "../../../gen/skep/v1/objects.js";
import { UpdateOrder } from "../../../gen/skep/v1/specs.js";
import { isJob, isTerminal, isWanted, stateOf, updateOf } from "../../../model/index.js";
import { type Step, stopping } from "../change.js";
import { isDraining, isLost, isRollingBack, isTaskDirty, isYounger, type World } from "../world.js";

/** The step that leaves a stop-first slot one task; nothing where the order is start-first or there is no second. */
export function endOverlap(world: World, slot: readonly Task[]): Step {
  if (isJob(world.spec) || orderIn(world, slot) === UpdateOrder.START_FIRST) return [];
  const alive = slot.filter((task) => isAlive(world, task));
  const kept = alive.reduce<Task | undefined>((best, task) => (best ? further(world, best, task) : task), undefined);
  return alive.filter((task) => task !== kept).flatMap(stopping);
}

/** A rollback's own order is about the rollback: a drain asks for that of updates. */
function orderIn(world: World, slot: readonly Task[]): UpdateOrder {
  const isDrained = slot.some((task) => isWanted(task) && !mayStay(world, task));
  return updateOf(world.spec, isRollingBack(world.service) && !isDrained).order;
}

/** Not on a node that is to be emptied. */
export function mayStay(world: World, task: Task): boolean {
  return task.nodeId === "" || !isDraining(world.node(task.nodeId));
}

/** Neither ended nor lost: those have supervisors of their own. */
function isAlive(world: World, task: Task): boolean {
  return isWanted(task) && !isTerminal(stateOf(task)) && (task.nodeId === "" || !isLost(world.node(task.nodeId)));
}

/** Which of two stays: the one that got further, then the one that is as it should be, then the younger. */
function further(world: World, a: Task, b: Task): Task {
  const byState = stateOf(a) - stateOf(b);
  const byRight = Number(isRight(world, a)) - Number(isRight(world, b));
  return (byState || byRight || (isYounger(a, b) ? 1 : -1)) > 0 ? a : b;
}

function isRight(world: World, task: Task): boolean {
  return !isTaskDirty(world, task) && mayStay(world, task);
}
