// One slot gets the new spec: the old task first stops, or first the new one runs (swarm-semantics §4.3 step 4).

import { UpdateOrder } from "../../../gen/skep/v1/specs.js";
import { updateOf } from "../../../model/index.js";
import { after, type Step, stopping } from "../change.js";
import type { Slot } from "../replicated/slots.js";
import { freshRecord } from "../restart/policy.js";
import { taskFor } from "../restart/supervise.js";
import { isRollingBack, type World } from "../world.js";

/** The step that puts a task of the current spec into a slot that has none. */
export function replaceSlot(world: World, slot: Slot): Step {
  const { order } = updateOf(world.spec, isRollingBack(world.service));
  const old = slot.replica.at(-1);
  const record = freshRecord(old?.id ?? "");
  if (order === UpdateOrder.START_FIRST) {
    return [{ kind: "create", task: taskFor(world, slot.number, slot.tasks, record) }];
  }
  const stops = slot.replica.flatMap(stopping);
  return [...stops, { kind: "create", task: taskFor(world, slot.number, after(slot.tasks, stops), record) }];
}
