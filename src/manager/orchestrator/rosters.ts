// The rosters of large services, kept up to date with what is committed and with what the entry under way has written.

import type { Node, Task } from "../../gen/skep/v1/objects.js";
import { deepEqual } from "../../model/index.js";
import type { Reader, RowChange, Store, View } from "../../store/index.js";
import { Roster } from "./roster.js";
import { type SlotRef, slotOf } from "./slot-ref.js";
import type { World } from "./world.js";

/** A roster is worth keeping from this many tasks on: fewer are read again as fast. */
const keptMin = 200;
/** Tasks in all rosters; the one not asked for longest goes first. */
const keptTasksMax = 500_000;

export interface RostersOptions {
  /** In tests: every service has one. */
  readonly keptMin?: number;
}

/** What a roster is read from: a transaction, and what others wrote in the same entry before it. */
export interface Source extends View {
  readonly tasksWritten?: readonly Task[] | undefined;
}

export class Rosters {
  readonly #keptMin: number;
  /** The one asked for longest ago first. */
  readonly #rosters = new Map<string, Roster>();
  #committed: { readonly view: View; readonly reader: Reader } | undefined;
  /**
   * How far the writes of the entry under way were read, and whose slots they touched. They may yet come to nothing: such a
   * slot is read each time, and once more when the entry is over.
   */
  #entry: { readonly written: readonly Task[]; at: number; readonly touched: Map<string, SlotRef[]> } | undefined;

  constructor(options: RostersOptions = {}) {
    this.#keptMin = options.keptMin ?? keptMin;
  }

  /** Follows what is committed from now on. */
  follow(store: Store, signal: AbortSignal): void {
    this.#rosters.clear();
    this.#committed = { view: store, reader: store.watch({ tables: ["task", "node"] }, signal) };
  }

  /** Forgets everything: what it was read from may never have come to be. */
  clear(): void {
    this.#rosters.clear();
  }

  /** Takes in what was committed: often enough that it does not pile up, and before each use. */
  catchUp(): void {
    const batch = this.#committed?.reader.take();
    if (batch === undefined) return;
    if (batch.resync) this.#rosters.clear();
    if (this.#rosters.size > 0) for (const change of batch.changes) this.#note(change);
  }

  /** The roster of a service as `source` shows it, and how many rows were read for that. */
  of(source: Source, world: World): { readonly roster: Roster; readonly read: number } {
    this.catchUp();
    const { id } = world.service;
    if (source.tasksWritten) this.#readEntry(source.tasksWritten);
    const known = this.#rosters.get(id);
    if (known === undefined) {
      const roster = new Roster(source, world);
      if (roster.size >= this.#keptMin && source.tasksWritten) this.#keep(id, roster);
      return { roster, read: roster.size };
    }
    this.#rosters.delete(id);
    this.#rosters.set(id, known);
    for (const ref of this.#entry?.touched.get(id) ?? []) known.touch(ref);
    return { roster: known, read: known.refresh(source, world) };
  }

  #keep(id: string, roster: Roster): void {
    this.#rosters.set(id, roster);
    let total = 0;
    for (const each of this.#rosters.values()) total += each.size;
    for (const [oldest, { size }] of this.#rosters) {
      if (total <= keptTasksMax || oldest === id) break;
      total -= size;
      this.#rosters.delete(oldest);
    }
  }

  #note(change: RowChange): void {
    if (change.table === "task") {
      if (change.row) this.#touch(slotOf(change.row));
      if (change.previous) this.#touch(slotOf(change.previous));
    } else if (change.table === "node" && !isSameHost(change.row, change.previous)) {
      for (const task of this.#committed?.view.table("task").by("node", change.id) ?? []) this.#touch(slotOf(task));
    }
  }

  #touch(ref: SlotRef): void {
    this.#rosters.get(ref.serviceId)?.touch(ref);
  }

  #readEntry(written: readonly Task[]): void {
    if (this.#entry?.written !== written) {
      for (const [id, refs] of this.#entry?.touched ?? []) for (const ref of refs) this.#rosters.get(id)?.touch(ref);
      this.#entry = { written, at: 0, touched: new Map() };
    }
    const { touched } = this.#entry;
    for (; this.#entry.at < written.length; this.#entry.at++) {
      const task = written[this.#entry.at];
      if (task === undefined) continue;
      const refs = touched.get(task.serviceId);
      if (refs) refs.push(slotOf(task));
      else touched.set(task.serviceId, [slotOf(task)]);
    }
  }
}

/** Nothing about the node changed that a slot's state of affairs rests on. */
function isSameHost(a: Node | undefined, b: Node | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return (
    a.status?.state === b.status?.state &&
    a.status?.addr === b.status?.addr &&
    a.role === b.role &&
    (a.spec === b.spec || deepEqual(a.spec, b.spec)) &&
    (a.description === b.description || deepEqual(a.description, b.description))
  );
}
