// Scaling: as many slots as replicas are asked for, by Docker's rules of which come and which go (swarm-semantics §3.1).

import { TaskState } from "../../../gen/skep/v1/objects.js";
import { spreadOf, spreadPath, stateOf } from "../../../model/index.js";
import { removal, type Step } from "../change.js";
import { taskFor } from "../restart/supervise.js";
import { numbered } from "../slot-ref.js";
import type { World } from "../world.js";
import type { Slot, Slots } from "./slots.js";
import { surplus } from "./spread.js";

/** The steps from the slots there are to `replicas` of them, dead ones cleared away. */
export function scale(world: World, slots: Slots, replicas: number): readonly Step[] {
  const missing = replicas - slots.live.length;
  if (missing > 0) return scaleUp(world, slots, missing);
  const leaving = missing < 0 ? tooMany(world, slots.live, replicas) : [];
  return [...clear(slots, new Set()), ...leaving.flatMap(removeSlot)];
}

/** The slots that go: the last in the order of keeping, or those that leave the rest evenly spread. */
function tooMany(world: World, live: readonly Slot[], replicas: number): readonly Slot[] {
  const kept = keptFirst(live);
  const spread = spreadOf(world.spec);
  if (spread.length === 0) return kept.slice(replicas);
  const placeOf = (nodeId: string): readonly string[] | undefined => {
    const node = world.node(nodeId);
    return node && spreadPath(node, spread);
  };
  return surplus(kept, kept.length - replicas, placeOf);
}

/**
 * Slots in the order in which they are kept: those of one task on a node before others, the first copy on each node
 * before the second, running before not, low numbers before high. Nothing is left to chance.
 */
export function keptFirst(slots: readonly Slot[]): readonly Slot[] {
  const preferred = [...slots].sort((a, b) => Number(isRunning(b)) - Number(isRunning(a)) || a.slot - b.slot);
  const copies = new Map<string, number>();
  const copyOf = new Map(preferred.map((slot) => [slot, nextCopy(slot, copies)]));
  // The sort is stable: equal copies stay in the preferred order.
  return preferred.sort((a, b) => rank(copyOf.get(a)) - rank(copyOf.get(b)));
}

/** New tasks in the lowest numbers that are free. A dead slot that is reused keeps its history. */
function scaleUp(world: World, slots: Slots, missing: number): readonly Step[] {
  const taken = new Set(slots.live.map(({ slot }) => slot));
  const dead = new Map(slots.dead.map(({ slot, tasks }) => [slot, tasks]));
  const reused = new Set<number>();
  const created: Step[] = [];
  for (let number = 1; created.length < missing; number++) {
    if (taken.has(number)) continue;
    reused.add(number);
    created.push([{ kind: "create", task: taskFor(world, numbered(number), dead.get(number) ?? []) }]);
  }
  return [...created, ...clear(slots, reused)];
}

function clear(slots: Slots, kept: ReadonlySet<number>): readonly Step[] {
  const cleared = slots.dead.filter(({ slot }) => !kept.has(slot));
  return cleared.flatMap(({ tasks }) => tasks.map(removal)).filter((step) => step.length > 0);
}

/** The slot's history goes with it. */
function removeSlot(slot: Slot): readonly Step[] {
  return slot.tasks.map(removal).filter((step) => step.length > 0);
}

function isRunning(slot: Slot): boolean {
  return slot.replica.some((task) => stateOf(task) === TaskState.RUNNING);
}

/** Which copy on its node a slot is, from 0; undefined for one without a node or with several tasks. */
function nextCopy(slot: Slot, copies: Map<string, number>): number | undefined {
  const [task, ...others] = slot.replica;
  if (task === undefined || others.length > 0 || task.nodeId === "") return undefined;
  const copy = copies.get(task.nodeId) ?? 0;
  copies.set(task.nodeId, copy + 1);
  return copy;
}

function rank(copy: number | undefined): number {
  return copy ?? Number.POSITIVE_INFINITY;
}
