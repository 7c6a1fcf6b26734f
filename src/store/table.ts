// One table: rows by id, and by each declared index. Rows are never changed, only replaced.

import { type Indexes, indexKeys, type Rows, type TableName } from "./schema.js";

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

interface Index<T extends TableName> {
  readonly name: string;
  readonly keyOf: (row: Rows[T]) => string;
  readonly ids: Map<string, Map<string, Rows[T]>>;
}

export class Table<T extends TableName> implements ReadTable<T> {
  #rows = new Map<string, Rows[T]>();
  #indexes: readonly Index<T>[];

  constructor(table: T) {
    const keys = Object.entries(indexKeys[table]) as [string, (row: Rows[T]) => string][];
    this.#indexes = keys.map(([name, keyOf]) => ({ name, keyOf, ids: new Map() }));
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
    return (
      this.#indexes
        .find((each) => each.name === index)
        ?.ids.get(key)
        ?.values() ?? []
    );
  }

  *byPrefix(prefix: string): Iterable<Rows[T]> {
    for (const [id, row] of this.#rows) if (id.startsWith(prefix)) yield row;
  }

  /** Adds or replaces a row. */
  set(row: Rows[T]): void {
    const previous = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    for (const index of this.#indexes) {
      const key = index.keyOf(row);
      if (previous !== undefined) {
        const before = index.keyOf(previous);
        if (before !== key) remove(index.ids, before, row.id);
      }
      if (key !== "") insert(index.ids, key, row.id, row);
    }
  }

  delete(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    for (const index of this.#indexes) remove(index.ids, index.keyOf(row), id);
  }

  /** Holds what `other` holds from now on, however much that is, and `other` is not used any more. */
  become(other: Table<T>): void {
    this.#rows = other.#rows;
    this.#indexes = other.#indexes;
  }
}

function insert<Row>(ids: Map<string, Map<string, Row>>, key: string, id: string, row: Row): void {
  const rows = ids.get(key);
  if (rows) rows.set(id, row);
  else ids.set(key, new Map([[id, row]]));
}

function remove<Row>(ids: Map<string, Map<string, Row>>, key: string, id: string): void {
  const rows = ids.get(key);
  if (!rows?.delete(id)) return;
  if (rows.size === 0) ids.delete(key);
}
