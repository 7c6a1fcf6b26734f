// A replicated job, as one look: as many tasks at a time as it may run, until as many completed as it asks for
// (swarm-semantics §3.3). Each completion is a slot of its own. One pass over the job's tasks, since it is made whenever
// one of them ends.

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { endedByItself, isWanted, stateOf } from "../../../model/index.js";
import { removal, type Step } from "../change.js";
import { taskFor } from "../restart/supervise.js";
import { numbered } from "../slot-ref.js";
import { isOfOlderRun, isStopping, type World } from "../world.js";

export interface JobLimits {
  /** Tasks at a time. */
  readonly maxConcurrent: number;
  readonly totalCompletions: number;
}

/** The steps of the present execution; what is left of earlier ones stays as history where its slot is used again. */
export function runJob(world: World, tasks: readonly Task[], limits: JobLimits): readonly Step[] {
  const tally = tallyOf(world, tasks);
  const open = Math.max(0, limits.totalCompletions - tally.over);
  const surplus = tally.live.size - Math.min(limits.maxConcurrent, open);
  const missing = Math.min(limits.maxConcurrent - tally.busy, open - tally.live.size);
  return [
    ...(surplus > 0 ? remove(tasks, keptFirst(tally.live).slice(-surplus)) : []),
    ...(missing > 0 ? create(world, tasks, tally.phases, missing) : []),
    ...forget(world, tasks, limits.totalCompletions),
  ].filter((step) => step.length > 0);
}

/** What is known of a slot: it works; it completed or failed for good; something of it still stops. */
interface Phase {
  isLive: boolean;
  isOver: boolean;
  stops: boolean;
}

interface Tally {
  readonly phases: ReadonlyMap<number, Phase>;
  /** The slots that work: whether each runs. */
  readonly live: ReadonlyMap<number, boolean>;
  /** Slots that are done with. */
  readonly over: number;
  /** Slots that work or still stop: both count as running. */
  readonly busy: number;
}

function tallyOf(world: World, tasks: readonly Task[]): Tally {
  const phases = new Map<number, Phase>();
  const live = new Map<number, boolean>();
  for (const task of tasks) {
    let phase = phases.get(task.slot);
    if (phase === undefined) phases.set(task.slot, (phase = { isLive: false, isOver: false, stops: false }));
    const state = stateOf(task);
    if (isStopping(world, task)) phase.stops = true;
    if (isOfOlderRun(world, task) || task.desiredState >= TaskState.REMOVE) continue;
    if (isWanted(task) && state !== TaskState.COMPLETE) {
      phase.isLive = true;
      live.set(task.slot, state === TaskState.RUNNING || live.get(task.slot) === true);
      // What ended for another reason than being told to is over: the supervisor, which looked first, would have followed it up.
    } else if (endedByItself(state)) phase.isOver = true;
  }
  let [over, busy] = [0, 0];
  for (const { isLive, isOver, stops } of phases.values()) {
    if (isOver && !isLive) over += 1;
    if (isLive || stops) busy += 1;
  }
  return { phases, live, over, busy };
}

/** What runs stays before what does not, low numbers before high. */
function keptFirst(live: ReadonlyMap<number, boolean>): readonly number[] {
  return [...live].sort(([a, aRuns], [b, bRuns]) => Number(bRuns) - Number(aRuns) || a - b).map(([slot]) => slot);
}

/** The slots go with their history, so that none is taken for one that failed for good. */
function remove(tasks: readonly Task[], slots: readonly number[]): readonly Step[] {
  const gone = new Set(slots);
  return tasks.filter(({ slot }) => gone.has(slot)).map(removal);
}

/** In the lowest numbers that are free. */
function create(
  world: World,
  tasks: readonly Task[],
  phases: ReadonlyMap<number, Phase>,
  missing: number,
): readonly Step[] {
  const steps: Step[] = [];
  for (let number = 1; steps.length < missing; number++) {
    const phase = phases.get(number);
    if (phase?.isLive || phase?.isOver) continue;
    const others = phase?.stops ? tasks.filter(({ slot }) => slot === number) : [];
    steps.push([{ kind: "create", task: taskFor(world, numbered(number), others) }]);
  }
  return steps;
}

/** Slots this execution has no use for lose what earlier ones left in them. */
function forget(world: World, tasks: readonly Task[], totalCompletions: number): readonly Step[] {
  return tasks.filter((task) => task.slot > totalCompletions && isOfOlderRun(world, task)).map(removal);
}
