// The slots of one service as they were read last, and what was worked out about each: of a large service only what was
// written since is read again (O4).

import { millis } from "../../base/index.js";
import type { Task } from "../../gen/skep/v1/objects.js";
import { isJob } from "../../model/index.js";
import type { View } from "../../store/index.js";
import { mayUpdate } from "./global/nodes.js";
import { byPlace, bySlot, type DeadSlot, type Slot, type Slots, slotOfTasks } from "./replicated/slots.js";
import { keyOf, type SlotRef } from "./slot-ref.js";
import { type Seen, seenOf } from "./update/progress.js";
import { iterationOf, type World } from "./world.js";

interface Entry {
  readonly ref: SlotRef;
  /** None once nothing is left of the slot. */
  tasks: readonly Task[];
  facts: Facts | undefined;
}

/** A pass over all slots a service had when it began, and how far it is: each as it is when it is come to. */
export interface Pass {
  readonly roster: Roster;
  readonly slots: readonly { readonly ref: SlotRef; readonly tasks: readonly Task[] }[];
  readonly at: number;
}

interface Facts {
  /** Undefined where nothing is wanted and nothing finished for good. */
  readonly live: Slot | undefined;
  /** How the update sees it; undefined for a dead slot, and where an update may not touch it. */
  readonly seen: Seen | undefined;
}

export class Roster {
  readonly #entries = new Map<string, Entry>();
  /** The same by place; undefined since one came or went. */
  #sorted: readonly Entry[] | undefined;
  /** Of how many nothing is worked out yet, at most. */
  #open = 0;
  readonly #touched = new Map<string, SlotRef>();
  #order = "";
  #world: World;
  /** Tasks in all. */
  size = 0;

  constructor(view: View, world: World) {
    this.#world = world;
    this.#order = orderOf(world);
    for (const { ref, tasks } of bySlot(view.table("task").by("service", world.service.id))) this.#set(ref, tasks);
  }

  /** A task of the slot, or its node, changed. */
  touch(ref: SlotRef): void {
    this.#touched.set(keyOf(ref), ref);
  }

  /** Reads again what was touched; returns the number of rows read. */
  refresh(view: View, world: World): number {
    const order = orderOf(world);
    if (order !== this.#order || world.spec !== this.#world.spec) {
      for (const entry of this.#entries.values()) entry.facts = undefined;
      this.#open = this.#entries.size;
    }
    this.#world = world;
    this.#order = order;
    let read = 0;
    for (const [key, ref] of this.#touched) {
      const tasks = [...view.table("task").by("slot", key)];
      read += tasks.length + 1;
      this.#set(ref, tasks);
    }
    this.#touched.clear();
    return read;
  }

  /** Works out what is missing about up to `max` slots: of how many it was, and whether nothing is missing then. */
  prepare(max: number): { readonly looked: number; readonly isDone: boolean } {
    let looked = 0;
    if (this.#open === 0) return { looked, isDone: true };
    for (const entry of this.#entries.values()) {
      if (entry.facts) continue;
      if (looked >= max) return { looked, isDone: false };
      looked += 1;
      this.#factsOf(entry);
    }
    this.#open = 0;
    return { looked, isDone: true };
  }

  pass(): Pass {
    return { roster: this, slots: [...this.#entries.values()], at: 0 };
  }

  tasks(): readonly Task[] {
    return [...this.#entries.values()].flatMap(({ tasks }) => tasks);
  }

  slots(): Slots {
    const live: Slot[] = [];
    const dead: DeadSlot[] = [];
    for (const entry of this.#byPlace()) {
      const { live: slot } = this.#factsOf(entry);
      if (slot) live.push(slot);
      else dead.push({ slot: entry.ref.slot, nodeId: entry.ref.nodeId, tasks: entry.tasks });
    }
    return { live, dead };
  }

  /** The slots an update may touch, by place. */
  seen(): readonly Seen[] {
    const seen: Seen[] = [];
    for (const entry of this.#byPlace()) {
      const each = this.#factsOf(entry).seen;
      if (each) seen.push(each);
    }
    return seen;
  }

  #byPlace(): readonly Entry[] {
    this.#sorted ??= [...this.#entries.values()].sort((a, b) => byPlace(a.ref, b.ref));
    return this.#sorted;
  }

  #set(ref: SlotRef, tasks: readonly Task[]): void {
    const key = keyOf(ref);
    const known = this.#entries.get(key);
    this.size += tasks.length - (known?.tasks.length ?? 0);
    if (known === undefined || tasks.length === 0) this.#sorted = undefined;
    if (tasks.length === 0) {
      if (known) known.tasks = tasks;
      this.#entries.delete(key);
      return;
    }
    this.#open += 1;
    if (known === undefined) this.#entries.set(key, { ref, tasks, facts: undefined });
    else Object.assign(known, { tasks, facts: undefined });
  }

  #factsOf(entry: Entry): Facts {
    entry.facts ??= factsOf(this.#world, entry);
    return entry.facts;
  }
}

function factsOf(world: World, { ref, tasks }: Entry): Facts {
  const live = slotOfTasks(world, ref, tasks);
  const isLeftOut = live === undefined || isJob(world.spec) || !mayUpdate(world, live);
  return { live, seen: isLeftOut ? undefined : seenOf(world, live) };
}

/** What the facts of all slots rest on besides their tasks and nodes. */
function orderOf(world: World): string {
  const { revision, updateStatus } = world.service;
  return [revision, iterationOf(world), updateStatus?.state ?? "", millis(updateStatus?.startedAt)].join(" ");
}
