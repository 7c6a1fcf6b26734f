// A global service, as one look at its nodes: one task on each where it is wanted, none where it may not be (swarm-semantics
// §3.2). The same for a global job, whose tasks end (§3.4).

import type { Node, Task } from "../../../gen/skep/v1/objects.js";
import { TaskState } from "../../../gen/skep/v1/objects.js";
import { isGlobal, isJob, isOnNode, isWanted, stateOf } from "../../../model/index.js";
import { removal, type Step, stopping } from "../change.js";
import { type Slot, type Slots, slotsOf } from "../replicated/slots.js";
import { taskFor } from "../restart/supervise.js";
import type { SlotRef } from "../slot-ref.js";
import { replaceSlot } from "../update/slot.js";
import { hasUpdate, isTaskDirty, type World } from "../world.js";
import { placeOn } from "./place.js";

/** All nodes: after the service changed, and when a leader begins. */
export function coverNodes(world: World, slots: Slots): readonly Step[] {
  const steps: Step[] = [];
  const live = new Set(slots.live.map(({ nodeId }) => nodeId));
  const dead = new Map(slots.dead.map(({ nodeId, tasks }) => [nodeId, tasks]));
  for (const node of world.nodes()) {
    if (!live.has(node.id) && placeOn(world, node) === "wanted")
      steps.push(create(world, node.id, dead.get(node.id) ?? []));
  }
  for (const slot of slots.live) steps.push(...leave(world, slot.nodeId, slot.tasks, isWanted));
  for (const { nodeId, tasks } of slots.dead) steps.push(...leave(world, nodeId, tasks, isWanted));
  return steps.filter((step) => step.length > 0);
}

/**
 * One node: after it, or a task on it, changed. What does not fit a node any more the constraint enforcer rejects, so that
 * a user reads why; only what has no container yet is told to stop here.
 */
export function coverNode(world: World, ref: SlotRef, tasks: readonly Task[]): readonly Step[] {
  const steps = leave(world, ref.nodeId, tasks, (task) => isWanted(task) && !isOnNode(task));
  const [slot] = slotsOf(world, tasks).live;
  if (placeOn(world, world.node(ref.nodeId)) === "wanted") {
    if (slot === undefined) steps.push(create(world, ref.nodeId, tasks));
    else if (isLeftBehind(world, slot)) steps.push(replaceSlot(world, slot));
  }
  return steps.filter((step) => step.length > 0);
}

/** Whether an update may touch a slot: what is paused waits until it is not. */
export function mayUpdate(world: World, { nodeId }: Slot): boolean {
  return !isGlobal(world.spec) || placeOn(world, world.node(nodeId)) === "wanted";
}

/**
 * The spec changed while all that could follow it was paused, so no update has begun: one is due now that a node is active
 * again.
 */
export function awaitsUpdate(world: World, ref: SlotRef, tasks: readonly Task[]): boolean {
  if (world.service.updateStatus !== undefined || isJob(world.spec)) return false;
  if (placeOn(world, world.node(ref.nodeId)) !== "wanted") return false;
  return slotsOf(world, tasks).live.some(({ replica }) => replica.every((task) => isTaskDirty(world, task)));
}

/** Nothing may be on the node: what `isAsked` picks stops. With the node its history goes. */
function leave(world: World, nodeId: string, tasks: readonly Task[], isAsked: (task: Task) => boolean): Step[] {
  const node: Node | undefined = world.node(nodeId);
  if (node === undefined) return tasks.map(removal);
  if (placeOn(world, node) !== "none") return [];
  return tasks.filter((task) => isAsked(task) && stateOf(task) !== TaskState.COMPLETE).map(stopping);
}

function create(world: World, nodeId: string, others: readonly Task[]): Step {
  return [{ kind: "create", task: taskFor(world, { slot: 0, nodeId }, others) }];
}

/** An update went by while its node was paused, and is over: it follows at once, as Docker's does. */
function isLeftBehind(world: World, slot: Slot): boolean {
  if (world.service.updateStatus === undefined || hasUpdate(world.service)) return false;
  return slot.replica.every((task) => isTaskDirty(world, task));
}
