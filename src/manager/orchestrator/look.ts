// One look: what was noted is decided and written inside one transaction, as far as its budget goes.

import type { Task } from "../../gen/skep/v1/objects.js";
import { isGlobal, isJob } from "../../model/index.js";
import type { Transaction } from "../../store/index.js";
import { Attention } from "./attention.js";
import { applyStep, removal, type Step } from "./change.js";
import { awaitsUpdate, coverNode, coverNodes } from "./global/nodes.js";
import { runJob } from "./jobs/replicated.js";
import { scale } from "./replicated/scale.js";
import { supervise } from "./restart/supervise.js";
import type { Pass, Roster } from "./roster.js";
import type { Rosters } from "./rosters.js";
import { keyOf, type SlotRef } from "./slot-ref.js";
import { settle } from "./update/progress.js";
import { update } from "./update/update.js";
import { type Moment, type World, worldOf } from "./world.js";

/** Changes of one transaction; the store's entry holds 2,000 and 1 MiB. What is over comes in the next. */
export const changesMax = 500;
/** Rows one transaction looks at before it leaves the other services and slots to the next, so that others get a turn. */
export const rowsMax = 1_000;

/** Slots of which one transaction works out how they stand. */
const preparedMax = 500;

export interface Looked {
  /** What the budget did not reach. */
  readonly left: Attention;
  /** Changes it made. */
  readonly written: number;
  /** When to look again, in milliseconds from now; undefined where nothing is due. */
  readonly slotDues: ReadonlyMap<string, { readonly ref: SlotRef; readonly inMs: number | undefined }>;
  readonly serviceDues: ReadonlyMap<string, number | undefined>;
}

/** Looks at everything in `attention`; pure but for its writes to `tx` and for what `rosters` remember, so it may run twice. */
export function lookAt(tx: Transaction, attention: Attention, moment: Moment, rosters: Rosters): Looked {
  const look = new Look(tx, moment, rosters);
  for (const id of attention.gone) look.gone(id);
  for (const ref of attention.slots.values()) if (!attention.services.has(ref.serviceId)) look.slot(ref);
  for (const id of attention.tallies) if (!attention.services.has(id) && !attention.passes.has(id)) look.tally(id);
  for (const [id, pass] of attention.passes) look.service(id, pass);
  for (const id of attention.services) look.service(id);
  return look;
}

class Look implements Looked {
  readonly left = new Attention();
  readonly slotDues = new Map<string, { readonly ref: SlotRef; readonly inMs: number | undefined }>();
  readonly serviceDues = new Map<string, number | undefined>();
  written = 0;
  readonly #tx: Transaction;
  readonly #moment: Moment;
  readonly #rosters: Rosters;
  /** Services some slots of which are left to the next look: what follows from them is too. */
  readonly #isBehind = new Set<string>();
  #seen = 0;

  constructor(tx: Transaction, moment: Moment, rosters: Rosters) {
    this.#tx = tx;
    this.#moment = moment;
    this.#rosters = rosters;
  }

  /** The service was deleted: all its tasks go (swarm-semantics §2.2). */
  gone(id: string): void {
    if (this.#tx.table("service").get(id) !== undefined) return;
    const steps = [...this.#tx.table("task").by("service", id)].map(removal);
    if (!this.#apply(steps)) this.left.gone.add(id);
  }

  slot(ref: SlotRef): void {
    if (this.#isOver) return this.#later(ref);
    const world = this.#world(ref.serviceId);
    if (world === undefined) return;
    const done = this.#supervise(world, ref, this.#tasksOf(ref)) && this.#apply(this.#completeSlot(world, ref));
    if (!done) this.#later(ref);
    else if (isGlobal(world.spec) && awaitsUpdate(world, ref, this.#tasksOf(ref))) this.left.service(ref.serviceId);
  }

  /** Of a service whose tasks moved, once their slots were looked at: which slots there are, then their spec. */
  tally(id: string): void {
    const mayGoOn = !this.#isOver && !this.#isBehind.has(id) && this.#isPrepared(id);
    // The slots of a global service are its nodes: each is looked at by itself.
    const done = mayGoOn && (this.#isOfNodes(id) || this.#scales(id)) && this.#updates(id);
    if (!done) this.left.tally(id);
  }

  /** Restarts first, then which slots there are, then their spec: each sees what the one before wrote. */
  service(id: string, begun?: Pass): void {
    this.serviceDues.set(id, undefined);
    if (this.#isOver) return begun ? this.left.goOn(id, begun) : this.left.service(id);
    const world = this.#world(id);
    if (world === undefined) return;
    const left = this.#restarts(world, begun);
    if (left) this.left.goOn(id, left);
    else if (!this.#scales(id)) {
      if (isGlobal(world.spec)) this.left.service(id);
      else this.left.tally(id);
    } else if (!this.#updates(id)) this.left.tally(id);
  }

  #later(ref: SlotRef): void {
    this.left.slot(ref);
    this.#isBehind.add(ref.serviceId);
  }

  /** What the numbers rest on is worked out in slices, too. */
  #isPrepared(id: string): boolean {
    const world = this.#world(id);
    return world === undefined || this.#prepared(this.#roster(world));
  }

  #prepared(roster: Roster): boolean {
    const { isDone, looked } = roster.prepare(preparedMax);
    this.#seen += looked;
    return isDone;
  }

  #isOfNodes(id: string): boolean {
    const world = this.#world(id);
    return world === undefined || isGlobal(world.spec);
  }

  #completeSlot(world: World, ref: SlotRef): readonly Step[] {
    const tasks = this.#tasksOf(ref);
    const covering = isGlobal(world.spec) ? coverNode(world, ref, tasks) : [];
    if (covering.length > 0 || isJob(world.spec)) return covering;
    return settle(world, tasks);
  }

  /** One slot after the other, and what the rest is worked out from; returns what is left of that for the next look. */
  #restarts(world: World, begun: Pass | undefined): Pass | undefined {
    const roster = this.#roster(world);
    const pass = begun?.roster === roster ? begun : roster.pass();
    // A roster that is not kept would be begun anew each time.
    const mayWait = begun === undefined || begun.roster === roster;
    for (let at = pass.at; at < pass.slots.length; at++) {
      if (mayWait && this.#isOver) return { ...pass, at };
      const slot = pass.slots[at];
      if (slot === undefined || slot.tasks.length === 0) continue;
      this.#seen += slot.tasks.length;
      if (!this.#supervise(world, slot.ref, slot.tasks)) return { ...pass, at };
    }
    return !mayWait || this.#isPrepared(world.service.id) ? undefined : { ...pass, at: pass.slots.length };
  }

  #scales(id: string): boolean {
    const world = this.#world(id);
    if (world === undefined) return true;
    if (isGlobal(world.spec)) this.#seen += this.#tx.table("node").size;
    return this.#apply(scaled(world, this.#roster(world)));
  }

  /** Twice at most: an update that starts, or turns into a rollback, takes its first slots in the same transaction. */
  #updates(id: string): boolean {
    for (let pass = 0; pass < 2; pass++) {
      const world = this.#world(id);
      if (world === undefined || isJob(world.spec)) return true;
      const roster = this.#roster(world);
      if (!this.#prepared(roster)) return false;
      const { steps, dueInMs } = update(world, roster.seen());
      this.serviceDues.set(id, dueInMs);
      if (!this.#apply(steps)) return false;
      if (steps.length === 0) break;
    }
    return true;
  }

  #roster(world: World): Roster {
    const { roster, read } = this.#rosters.of(this.#tx, world);
    this.#seen += read;
    return roster;
  }

  #supervise(world: World, ref: SlotRef, tasks: readonly Task[]): boolean {
    const { steps, dueInMs } = supervise(world, tasks);
    this.slotDues.set(keyOf(ref), { ref, inMs: dueInMs });
    return this.#apply(steps);
  }

  #tasksOf(ref: SlotRef): readonly Task[] {
    const tasks = [...this.#tx.table("task").by("slot", keyOf(ref))];
    this.#seen += tasks.length + 1;
    return tasks;
  }

  /** The service's world, unless it is gone. */
  #world(id: string): World | undefined {
    const service = this.#tx.table("service").get(id);
    return service && worldOf(this.#tx, service, this.#moment);
  }

  /** Nothing more is begun. */
  get #isOver(): boolean {
    return this.#isFull || this.#seen >= rowsMax || this.#moment.isLate();
  }

  get #isFull(): boolean {
    return this.written >= changesMax;
  }

  /** Writes steps as far as the budget goes; false when some were left. */
  #apply(steps: readonly Step[]): boolean {
    for (const step of steps) {
      if (this.#isFull) return false;
      applyStep(this.#tx, step);
      this.written += weight(step);
    }
    return true;
  }
}

/** The steps to the slots a service of its mode is to have. */
function scaled(world: World, roster: Roster): readonly Step[] {
  const { mode } = world.spec;
  switch (mode?.$case) {
    case "global":
    case "globalJob":
      return coverNodes(world, roster.slots());
    case "replicatedJob":
      return runJob(world, roster.tasks(), mode.value);
    case "replicated":
    case undefined:
      return scale(world, roster.slots(), mode?.value.replicas ?? 1);
    default:
      return mode satisfies never;
  }
}

/** A record with a long history weighs more than one change. */
function weight(step: Step): number {
  return step.reduce((sum, change) => {
    if (change.kind === "create") return sum + 1 + (change.task.restart?.starts.length ?? 0) / 20;
    if (change.kind === "record") return sum + 1 + change.restart.starts.length / 20;
    return sum + 1;
  }, 0);
}
