// What the transactions of one entry have written so far, over what is applied: visible to those after them, to nobody
// else, and taken back transaction by transaction.

import type { WallTime } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Cluster, TaskStatus } from "../gen/skep/v1/objects.js";
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
}

export type Tables = { readonly [T in TableName]: Table<T> };

export function newTables(): Tables {
  return Object.fromEntries(tableNames.map((name) => [name, new Table(name)])) as unknown as Tables;
}

export class Draft implements Transaction {
  readonly #tables: DraftTables;
  readonly #baseRevision: number;
  readonly #now: WallTime;
  #committed = 0;
  #changes: Change[] = [];
  #undo: (() => void)[] = [];

  constructor(tables: Tables, revision: number, now: WallTime) {
    this.#tables = Object.fromEntries(
      tableNames.map((name) => [name, new DraftTable(name, tables[name] as Table<typeof name>)]),
    ) as unknown as DraftTables;
    this.#baseRevision = revision;
    this.#now = now;
  }

  /** The revision of the transaction being written. */
  get revision(): number {
    return this.#baseRevision + this.#committed;
  }

  get cluster(): Cluster | undefined {
    return this.#tables.cluster.oldest();
  }

  table<T extends TableName>(name: T): ReadTable<T> {
    return this.#tables[name];
  }

  put<T extends TableName>(table: T, row: Rows[T]): void {
    const target = this.#tables[table] as DraftTable<T>;
    const previous = target.get(row.id);
    const meta = {
      version: this.revision + 1,
      createdAt: previous?.meta?.createdAt ?? this.#now,
      updatedAt: this.#now,
    };
    const stamped = { ...row, meta } as Rows[T];
    this.#undo.push(target.set(row.id, stamped));
    this.#changes.push({ kind: "put", table, row: stamped } as Change);
  }

  delete(table: TableName, id: string): void {
    const target = this.#tables[table];
    if (target.get(id) === undefined) return;
    this.#undo.push(target.set(id, undefined));
    this.#changes.push({ kind: "delete", table, id });
  }

  setStatus(taskId: string, status: TaskStatus): void {
    const target = this.#tables.task;
    const task = target.get(taskId);
    invariant(task !== undefined, "a status is written to a task that exists", { taskId });
    this.#undo.push(target.set(taskId, withStatus(task, status, this.revision + 1)));
    this.#changes.push({ kind: "status", taskId, status });
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
    for (const undo of this.#undo.reverse()) undo();
    this.#changes = [];
    this.#undo = [];
  }
}

type DraftTables = { readonly [T in TableName]: DraftTable<T> };

/** A table with writes laid over it. */
class DraftTable<T extends TableName> implements ReadTable<T> {
  readonly #base: Table<T>;
  readonly #written: Table<T>;
  /** Ids whose base row does not count any more. */
  readonly #touched = new Set<string>();
  #sizeDelta = 0;

  constructor(name: T, base: Table<T>) {
    this.#base = base;
    this.#written = new Table(name);
  }

  get size(): number {
    return this.#base.size + this.#sizeDelta;
  }

  get(id: string): Rows[T] | undefined {
    return this.#touched.has(id) ? this.#written.get(id) : this.#base.get(id);
  }

  oldest(): Rows[T] | undefined {
    for (const row of this.#base.all()) if (!this.#touched.has(row.id)) return row;
    return this.#written.oldest();
  }

  all(): Iterable<Rows[T]> {
    return this.#merge(this.#base.all(), this.#written.all());
  }

  by(index: Indexes[T], key: string): Iterable<Rows[T]> {
    return this.#merge(this.#base.by(index, key), this.#written.by(index, key));
  }

  byPrefix(prefix: string): Iterable<Rows[T]> {
    return this.#merge(this.#base.byPrefix(prefix), this.#written.byPrefix(prefix));
  }

  /** Writes or (undefined) deletes a row; returns how to take that back. */
  set(id: string, row: Rows[T] | undefined): () => void {
    const before = this.get(id);
    const wasTouched = this.#touched.has(id);
    this.#touched.add(id);
    this.#place(id, row);
    this.#sizeDelta += Number(row !== undefined) - Number(before !== undefined);
    return () => {
      this.#sizeDelta -= Number(row !== undefined) - Number(before !== undefined);
      this.#place(id, wasTouched ? before : undefined);
      if (!wasTouched) this.#touched.delete(id);
    };
  }

  #place(id: string, row: Rows[T] | undefined): void {
    if (row === undefined) this.#written.delete(id);
    else this.#written.set(row);
  }

  /** A copy, so that a transaction may write while it walks. */
  #merge(base: Iterable<Rows[T]>, written: Iterable<Rows[T]>): readonly Rows[T][] {
    const rows: Rows[T][] = [];
    for (const row of base) if (!this.#touched.has(row.id)) rows.push(row);
    for (const row of written) rows.push(row);
    return rows;
  }
}
