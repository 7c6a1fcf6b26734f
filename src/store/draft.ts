// What the transactions of one entry have written so far, over what is applied: visible to those after them, to nobody
// else, and taken back transaction by transaction.

import type { WallTime } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Cluster, Task, TaskStatus } from "../gen/skep/v1/objects.js";
import { type Change, withStatus } from "./change.js";
import { type Indexes, type Rows, type TableName, tableNames } from "./schema.js";
import { type ReadTable, Table } from "./table.js";

/** What a reader of the store sees: the applied state, or inside a transaction also what it wrote itself. */
export interface View {
  /** Number of the last transaction; a row's `meta.version` is the one that last wrote it. */
  readonly revision: number;
  /** The one cluster row, once there is a cluster. */
  readonly cluster: Cluster | undefined;
  table<T extends TableName>(name: T): ReadTable<T>;
}

/** A transaction: reads see its own writes. `meta` of a row is stamped by the store; what a caller puts there is ignored. */
export interface Transaction extends View {
  put<T extends TableName>(table: T, row: Rows[T]): void;
  delete(table: TableName, id: string): void;
  /** Replaces a task's status. The cheap way for nine writes in ten. The task must exist. */
  setStatus(taskId: string, status: TaskStatus): void;
  /**
   * The tasks the transactions of this entry have written so far, this one included: nobody was told of them yet. As they
   * were written, a deleted one as it was; also of what was taken back. Absent where a test stands in between.
   */
  readonly tasksWritten?: readonly Task[] | undefined;
}

export type Tables = { readonly [T in TableName]: Table<T> };

export function newTables(): Tables {
  return Object.fromEntries(tableNames.map((name) => [name, new Table(name)])) as unknown as Tables;
}

export class Draft implements Transaction {
  readonly #base: Tables;
  /** Those something was asked of: most transactions touch two or three. */
  readonly #tables: Partial<Record<TableName, DraftTable<TableName>>> = {};
  readonly #baseRevision: number;
  readonly #now: WallTime;
  readonly tasksWritten: Task[] = [];
  #committed = 0;
  #changes: Change[] = [];
  #undo: Undo[] = [];

  constructor(tables: Tables, revision: number, now: WallTime) {
    this.#base = tables;
    this.#baseRevision = revision;
    this.#now = now;
  }

  /** The revision of the transaction being written. */
  get revision(): number {
    return this.#baseRevision + this.#committed;
  }

  get cluster(): Cluster | undefined {
    return this.#table("cluster").oldest();
  }

  table<T extends TableName>(name: T): ReadTable<T> {
    return this.#table(name);
  }

  put<T extends TableName>(table: T, row: Rows[T]): void {
    const target = this.#table(table);
    const previous = target.get(row.id);
    const meta = {
      version: this.revision + 1,
      createdAt: previous?.meta?.createdAt ?? this.#now,
      updatedAt: this.#now,
    };
    const stamped = { ...row, meta } as Rows[T];
    this.#write(target, row.id, stamped, previous !== undefined);
    this.#changes.push({ kind: "put", table, row: stamped } as Change);
    if (table === "task") this.tasksWritten.push(stamped as Task);
  }

  delete(table: TableName, id: string): void {
    const target = this.#table(table);
    const previous = target.get(id);
    if (previous === undefined) return;
    this.#write(target, id, gone, true);
    if (table === "task") this.tasksWritten.push(previous as Task);
    this.#changes.push({ kind: "delete", table, id });
  }

  setStatus(taskId: string, status: TaskStatus): void {
    const target = this.#table("task");
    const task = target.get(taskId);
    invariant(task !== undefined, "a status is written to a task that exists", { taskId });
    this.#write(target, taskId, withStatus(task, status, this.revision + 1), true);
    this.#changes.push({ kind: "status", taskId, status });
    this.tasksWritten.push(task);
  }

  /** What the transaction being written has changed so far. */
  get pending(): readonly Change[] {
    return this.#changes;
  }

  /** Ends the transaction and returns what it changed; later ones see it. */
  commit(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = [];
    this.#undo = [];
    if (changes.length > 0) this.#committed += 1;
    return changes;
  }

  /** Takes the transaction back: as if it had never run. */
  rollback(): void {
    for (const { target, id, before } of this.#undo.reverse()) target.restore(id, before);
    this.#changes = [];
    this.#undo = [];
  }

  #table<T extends TableName>(name: T): DraftTable<T> {
    const known = this.#tables[name];
    if (known !== undefined) return known as unknown as DraftTable<T>;
    const made = new DraftTable<T>(name, this.#base[name] as Table<T>);
    this.#tables[name] = made as unknown as DraftTable<TableName>;
    return made;
  }

  #write<T extends TableName>(target: DraftTable<T>, id: string, row: Rows[T] | typeof gone, isThere: boolean): void {
    this.#undo.push({ target, id, before: target.set(id, row, isThere) });
  }
}

/** What stands over the base for an id: nothing, a row, or that it is gone. */
type Over<T extends TableName> = Rows[T] | typeof gone | undefined;
const gone = null;

interface Undo {
  readonly target: { restore(id: string, before: Over<TableName>): void };
  readonly id: string;
  readonly before: Over<TableName>;
}

/** A table with writes laid over it. */
class DraftTable<T extends TableName> implements ReadTable<T> {
  readonly #name: T;
  readonly #base: Table<T>;
  readonly #over = new Map<string, Rows[T] | typeof gone>();
  /** The rows of `#over` with their indexes, once somebody asked for one: most transactions never do. */
  #indexed: Table<T> | undefined;
  #sizeDelta = 0;

  constructor(name: T, base: Table<T>) {
    this.#name = name;
    this.#base = base;
  }

  get size(): number {
    return this.#base.size + this.#sizeDelta;
  }

  get(id: string): Rows[T] | undefined {
    const over = this.#over.get(id);
    return over === undefined ? this.#base.get(id) : (over ?? undefined);
  }

  oldest(): Rows[T] | undefined {
    for (const row of this.#base.all()) if (!this.#over.has(row.id)) return row;
    for (const row of this.#over.values()) if (row !== gone) return row;
    return undefined;
  }

  all(): Iterable<Rows[T]> {
    return this.#merge(this.#base.all(), this.#written().all());
  }

  by(index: Indexes[T], key: string): Iterable<Rows[T]> {
    if (this.#over.size === 0) return [...this.#base.by(index, key)];
    return this.#merge(this.#base.by(index, key), this.#written().by(index, key));
  }

  byPrefix(prefix: string): Iterable<Rows[T]> {
    return this.#merge(this.#base.byPrefix(prefix), this.#written().byPrefix(prefix));
  }

  /** Writes or deletes a row, which `isThere` now or not; returns what stood over the base, for `restore`. */
  set(id: string, row: Rows[T] | typeof gone, isThere: boolean): Over<T> {
    const before = this.#over.get(id);
    this.#sizeDelta += Number(row !== gone) - Number(isThere);
    this.#over.set(id, row);
    this.#index(id, row);
    return before;
  }

  /** `before`: what `set` returned. */
  restore(id: string, before: Over<TableName>): void {
    const isThere = this.get(id) !== undefined;
    if (before === undefined) this.#over.delete(id);
    else this.#over.set(id, before as Rows[T] | typeof gone);
    this.#index(id, before as Over<T>);
    this.#sizeDelta += Number(this.get(id) !== undefined) - Number(isThere);
  }

  #index(id: string, row: Over<T>): void {
    if (row === undefined || row === gone) this.#indexed?.delete(id);
    else this.#indexed?.set(row);
  }

  #written(): Table<T> {
    if (this.#indexed !== undefined) return this.#indexed;
    const indexed = new Table(this.#name);
    for (const row of this.#over.values()) if (row !== gone) indexed.set(row);
    this.#indexed = indexed;
    return indexed;
  }

  /** A copy, so that a transaction may write while it walks. */
  #merge(base: Iterable<Rows[T]>, written: Iterable<Rows[T]>): readonly Rows[T][] {
    const rows: Rows[T][] = [];
    for (const row of base) if (!this.#over.has(row.id)) rows.push(row);
    for (const row of written) rows.push(row);
    return rows;
  }
}
