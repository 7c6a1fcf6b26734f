// A replicated job, as one look: as many tasks at a time as it may run, until as many completed as it asks for
// (swarm-semantics §3.3). Each completion is a slot of its own.

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { endedByItself, isWanted, stateOf } from "../../../model/index.js";
import { removal, type Step } from "../change.js";
import { bySlot } from "../replicated/slots.js";
import { taskFor } from "../restart/supervise.js";
import { numbered } from "../slot-ref.js";
import { isOfOlderRun, isStopping, type World } from "../world.js";

export interface JobLimits {
  /** Tasks at a time. */
  readonly maxConcurrent: number;
  readonly totalCompletions: number;
}

/** The steps of the present execution; what is left of earlier ones stays as history where its slot is used again. */
export function runJob(world: World, tasks: Iterable<Task>, limits: JobLimits): readonly Step[] {
  const slots = [...bySlot(tasks)].map(({ ref, tasks: members }) => seen(world, ref.slot, members));
  const live = slots.filter(({ phase }) => phase === "live");
  const over = slots.filter(({ phase }) => phase === "over").length;
  const open = Math.max(0, limits.totalCompletions - over);
  const surplus = live.sort(keptFirst).slice(Math.min(limits.maxConcurrent, open));
  const busy = slots.filter(({ phase, stops }) => phase === "live" || stops).length;
  const missing = Math.min(limits.maxConcurrent - busy, open - live.length);
  return [
    ...surplus.flatMap((slot) => slot.tasks.map(removal)),
    ...create(world, slots, missing),
    ...slots.filter(({ slot }) => slot > limits.totalCompletions).flatMap((slot) => forget(world, slot)),
  ].filter((step) => step.length > 0);
}

interface JobSlot {
  readonly slot: number;
  readonly tasks: readonly Task[];
  /** It works; it completed, or failed for good; nothing of this execution is there. */
  readonly phase: "live" | "over" | "free";
  /** Something of it still stops: it counts as running. */
  readonly stops: boolean;
}

function seen(world: World, slot: number, tasks: readonly Task[]): JobSlot {
  const ofThisRun = tasks.filter((task) => !isOfOlderRun(world, task) && task.desiredState < TaskState.REMOVE);
  const isLive = ofThisRun.some((task) => isWanted(task) && stateOf(task) !== TaskState.COMPLETE);
  // What ended for another reason than being told to is over: the supervisor, which looked first, would have followed it up.
  const isOver = ofThisRun.some((task) => endedByItself(stateOf(task)));
  const phase = isLive ? "live" : isOver ? "over" : "free";
  return { slot, tasks, phase, stops: tasks.some((task) => isStopping(world, task)) };
}

/** What runs stays before what does not, low numbers before high. */
function keptFirst(a: JobSlot, b: JobSlot): number {
  return Number(runs(b)) - Number(runs(a)) || a.slot - b.slot;
}

function runs({ tasks }: JobSlot): boolean {
  return tasks.some((task) => isWanted(task) && stateOf(task) === TaskState.RUNNING);
}

/** In the lowest numbers that are free. */
function create(world: World, slots: readonly JobSlot[], missing: number): readonly Step[] {
  const known = new Map(slots.map((slot) => [slot.slot, slot]));
  const steps: Step[] = [];
  for (let number = 1; steps.length < missing; number++) {
    const slot = known.get(number);
    if (slot !== undefined && slot.phase !== "free") continue;
    steps.push([{ kind: "create", task: taskFor(world, numbered(number), slot?.tasks ?? []) }]);
  }
  return steps;
}

/** Slots this execution has no use for lose what earlier ones left in them. */
function forget(world: World, { tasks }: JobSlot): readonly Step[] {
  return tasks.filter((task) => isOfOlderRun(world, task)).map(removal);
}
