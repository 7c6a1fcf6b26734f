// One table: rows by id, and by each declared index. Rows are never changed, only replaced.

import { type Indexes, type IndexRule, indexRules, type Rows, type TableName } from "./schema.js";

/** What a reader sees of a table. Iterables are live: consume them before the next await. */
export interface ReadTable<T extends TableName> {
  readonly size: number;
  get(id: string): Rows[T] | undefined;
  /** The row that has been there longest. */
  oldest(): Rows[T] | undefined;
  /** All rows, in no promised order. */
  all(): Iterable<Rows[T]>;
  /** The rows whose `index` has this key. */
  by(index: Indexes[T], key: string): Iterable<Rows[T]>;
  /** The rows whose id starts with `prefix`: a scan, for the API's look-ups by short id. */
  byPrefix(prefix: string): Iterable<Rows[T]>;
}

/** Ids by key; most keys have one, which then stands for itself. Ids, so that a new version of a row changes nothing here. */
interface Index<Row> extends IndexRule<Row> {
  readonly name: string;
  readonly ids: Map<string, string | Set<string>>;
}

export class Table<T extends TableName> implements ReadTable<T> {
  #rows = new Map<string, Rows[T]>();
  #indexes: readonly Index<Rows[T]>[];

  constructor(table: T) {
    const rules = Object.entries(indexRules[table]) as [string, IndexRule<Rows[T]>][];
    this.#indexes = rules.map(([name, { key, same }]) => ({ name, key, same, ids: new Map() }));
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): Rows[T] | undefined {
    return this.#rows.get(id);
  }

  oldest(): Rows[T] | undefined {
    for (const row of this.#rows.values()) return row;
    return undefined;
  }

  all(): Iterable<Rows[T]> {
    return this.#rows.values();
  }

  by(index: Indexes[T], key: string): Iterable<Rows[T]> {
    const ids = this.#indexes.find((each) => each.name === index)?.ids.get(key);
    if (ids === undefined) return [];
    if (typeof ids !== "string") return this.#rowsOf(ids);
    const row = this.#rows.get(ids);
    return row ? [row] : [];
  }

  *byPrefix(prefix: string): Iterable<Rows[T]> {
    for (const [id, row] of this.#rows) if (id.startsWith(prefix)) yield row;
  }

  /** Adds or replaces a row. */
  set(row: Rows[T]): void {
    const previous = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    for (const index of this.#indexes) {
      if (previous !== undefined) {
        if (index.same(previous, row)) continue;
        remove(index.ids, index.key(previous), row.id);
      }
      const key = index.key(row);
      if (key !== "") insert(index.ids, key, row.id);
    }
  }

  delete(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    for (const index of this.#indexes) remove(index.ids, index.key(row), id);
  }

  /** Holds what `other` holds from now on, however much that is, and `other` is not used any more. */
  become(other: Table<T>): void {
    this.#rows = other.#rows;
    this.#indexes = other.#indexes;
  }

  *#rowsOf(ids: Iterable<string>): Iterable<Rows[T]> {
    for (const id of ids) {
      const row = this.#rows.get(id);
      if (row !== undefined) yield row;
    }
  }
}

function insert(ids: Map<string, string | Set<string>>, key: string, id: string): void {
  const known = ids.get(key);
  if (known === undefined) ids.set(key, id);
  else if (typeof known !== "string") known.add(id);
  else if (known !== id) ids.set(key, new Set([known, id]));
}

function remove(ids: Map<string, string | Set<string>>, key: string, id: string): void {
  const known = ids.get(key);
  if (known === undefined) return;
  if (typeof known === "string") {
    if (known === id) ids.delete(key);
  } else if (known.delete(id) && known.size === 0) ids.delete(key);
}
