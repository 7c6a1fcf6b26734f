// One slot gets the new spec: the old task first stops, or first the new one runs (swarm-semantics §4.3 step 4).

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { UpdateOrder } from "../../../gen/skep/v1/specs.js";
import { isWanted, stateOf, updateOf } from "../../../model/index.js";
import { after, type Step, stopping } from "../change.js";
import type { Slot } from "../replicated/slots.js";
import { freshRecord } from "../restart/policy.js";
import { taskFor } from "../restart/supervise.js";
import { isRollingBack, isYounger, type World } from "../world.js";

/** The step that puts a task of the current spec into a slot that has none. */
export function replaceSlot(world: World, slot: Slot): Step {
  const { order } = updateOf(world.spec, isRollingBack(world.service));
  const kept = order === UpdateOrder.START_FIRST ? keptMeanwhile(slot.replica) : undefined;
  const stops = slot.replica.filter((task) => task !== kept).flatMap(stopping);
  const record = freshRecord((kept ?? slot.replica.at(-1))?.id ?? "");
  return [...stops, { kind: "create", task: taskFor(world, slot, after(slot.tasks, stops), record) }];
}

/**
 * The one task that stays until the new one runs: it runs, or is the youngest. A second one, left by an update that this
 * one overtakes, goes now, so that a start-first slot never runs three.
 */
function keptMeanwhile(replica: readonly Task[]): Task | undefined {
  const youngestFirst = replica.filter(isWanted).sort((a, b) => (isYounger(a, b) ? -1 : 1));
  return youngestFirst.find((task) => stateOf(task) === TaskState.RUNNING) ?? youngestFirst[0];
}
