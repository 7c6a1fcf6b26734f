// The updater, as one look at one service: which slots are due for the new spec, and how far it is (swarm-semantics §4.3).
// Everything it knows is in the rows: which tasks the update made, since when they run, how many ended too early.

import { UpdateState, type UpdateStatus } from "../../../gen/skep/v1/objects.js";
import { updateOf } from "../../../model/index.js";
import type { Step } from "../change.js";
import type { Slot } from "../replicated/slots.js";
import { isRollingBack, isUpdating, type World } from "../world.js";
import { failureOf } from "./failure.js";
import { type Progress, progressOf, type Seen } from "./progress.js";
import { replaceSlot } from "./slot.js";

export interface Updated {
  readonly steps: readonly Step[];
  /** When to look again, in milliseconds from now, if nothing happens before. */
  readonly dueInMs: number | undefined;
}

const nothing: Updated = { steps: [], dueInMs: undefined };

/** One look at the slots of a service, by place. */
export function update(world: World, seen: readonly Seen[]): Updated {
  const progress = progressOf(world, seen);
  const settled = progress.settling;
  if (isPaused(world)) return { ...nothing, steps: settled };
  if (!isUpdating(world.service)) {
    return todo(progress) === 0
      ? { ...nothing, steps: settled }
      : { ...nothing, steps: [...settled, start(world, progress)] };
  }
  const failure = failureOf(world, seen);
  if (failure) return { ...nothing, steps: [...settled, failure] };
  return go(world, progress);
}

/** An update or rollback that was stopped: it goes on only with a new `service update`. */
function isPaused({ service }: World): boolean {
  const state = service.updateStatus?.state;
  return state === UpdateState.PAUSED || state === UpdateState.ROLLBACK_PAUSED;
}

function todo({ todoDown, todoUp }: Progress): number {
  return todoDown.length + todoUp.length;
}

function start(world: World, progress: Progress): Step {
  const status: UpdateStatus = {
    state: UpdateState.UPDATING,
    startedAt: world.now,
    completedAt: undefined,
    message: "update in progress",
    total: todo(progress),
    done: 0,
    failed: 0,
  };
  return [{ kind: "updateStatus", serviceId: world.service.id, status }];
}

/** Starts as many slots as the parallelism allows, says how far it is, and ends when all are done and were watched. */
function go(world: World, progress: Progress): Updated {
  const ends = progress.undone === 0 && progress.busy === 0 && progress.watchedForMs === 0;
  return {
    steps: [
      ...progress.settling,
      ...next(world, progress).map((slot) => replaceSlot(world, slot)),
      ...(ends ? [complete(world)] : count(world, progress)),
    ],
    dueInMs: earliest(progress.restsForMs, progress.watchedForMs),
  };
}

/** The slots whose turn it is. Those in which nothing runs come first, and wait for no other that is down. */
function next(world: World, { todoDown, todoUp, busy, down }: Progress): readonly Slot[] {
  const { parallelism } = updateOf(world.spec, isRollingBack(world.service));
  if (parallelism === 0) return [...todoDown, ...todoUp];
  const free = Math.max(0, parallelism - busy);
  const nextDown = todoDown.slice(0, free);
  return [...nextDown, ...todoUp.slice(0, Math.max(0, free - nextDown.length - down))];
}

function complete(world: World): Step {
  const rollingBack = isRollingBack(world.service);
  const status = currentStatus(world);
  return [
    {
      kind: "updateStatus",
      serviceId: world.service.id,
      status: {
        ...status,
        state: rollingBack ? UpdateState.ROLLBACK_COMPLETED : UpdateState.COMPLETED,
        message: rollingBack ? "rollback completed" : "update completed",
        completedAt: world.now,
        done: status.total,
      },
    },
  ];
}

/** The counts, when they changed. A rollback begins without them: control and the failure action do not count slots. */
function count(world: World, progress: Progress): readonly Step[] {
  const status = currentStatus(world);
  const total = status.total > 0 ? status.total : progress.undone;
  const done = Math.max(0, total - progress.undone);
  if (total === status.total && done === status.done) return [];
  return [[{ kind: "updateStatus", serviceId: world.service.id, status: { ...status, total, done } }]];
}

function currentStatus({ service, now }: World): UpdateStatus {
  return (
    service.updateStatus ?? {
      state: UpdateState.UPDATING,
      startedAt: now,
      completedAt: undefined,
      message: "",
      total: 0,
      done: 0,
      failed: 0,
    }
  );
}

function earliest(...waits: readonly number[]): number | undefined {
  const positive = waits.filter((wait) => wait > 0);
  return positive.length > 0 ? Math.min(...positive) : undefined;
}
