// What was committed, as one story over all managers and their lives: whoever is first to apply something tells it, and a
// leader is held against what was seen before.

import { invariant } from "../../base/index.js";
import type { AnyRow, RowChange, Store, TableName } from "../../store/index.js";

/** All of a store's. */
export const tables = [
  "cluster",
  "node",
  "service",
  "revision",
  "task",
  "network",
  "request",
] as const satisfies readonly TableName[];

export interface ObserverEvents {
  readonly committed: (changes: readonly RowChange[], store: Store) => void;
  /** Something that was applied is not there any more. */
  readonly lost: (what: string) => void;
}

export class Observer {
  readonly #events: ObserverEvents;
  /** The rows last seen, by table and id. */
  readonly #rows = new Map<string, AnyRow>();
  #revision = 0;
  /** Who told last. */
  #teller: Store | undefined;

  constructor(events: ObserverEvents) {
    this.#events = events;
  }

  /** The store's revision up to which the story is told. */
  get revision(): number {
    return this.#revision;
  }

  /** Follows a store from here on; it may still be loading what was seen before. */
  follow(store: Store, signal: AbortSignal): void {
    const batches = store.watch({}, signal);
    const read = async (): Promise<void> => {
      let isLoading = true;
      for await (const { changes, resync, revision } of batches) {
        if (store.revision < this.#revision || (this.#teller !== store && revision <= this.#revision)) continue;
        const isOther = this.#teller !== store;
        const news = isLoading || isOther || resync ? this.#difference(store) : changes;
        isLoading = false;
        this.#teller = store;
        this.#take(news, store);
      }
    };
    read().catch((error: unknown) => {
      if (!signal.aborted) this.#events.lost(`a store could not be followed: ${String(error)}`);
    });
  }

  /** To be called once a store leads: by then it holds everything ever applied. */
  checkNothingLost(store: Store): void {
    if (store.revision >= this.#revision) return;
    this.#events.lost(`a manager leads with revision ${store.revision} after ${this.#revision} was applied`);
    this.#revision = store.revision;
  }

  #take(changes: readonly RowChange[], store: Store): void {
    for (const { table, id, row } of changes) {
      if (row) this.#rows.set(`${table} ${id}`, row);
      else this.#rows.delete(`${table} ${id}`);
    }
    this.#revision = store.revision;
    if (changes.length > 0) this.#events.committed(changes, store);
  }

  /** What differs from the rows last seen. */
  #difference(store: Store): readonly RowChange[] {
    const changes: RowChange[] = [];
    const gone = new Map(this.#rows);
    for (const table of tables) {
      for (const row of store.table(table).all()) {
        const previous = this.#rows.get(`${table} ${row.id}`);
        gone.delete(`${table} ${row.id}`);
        if (previous?.meta?.version !== row.meta?.version) changes.push(change(table, row.id, row, previous));
      }
    }
    for (const [key, previous] of gone) changes.push(change(tableOf(key), previous.id, undefined, previous));
    return changes;
  }
}

function tableOf(key: string): TableName {
  const table = tables.find((each) => key.startsWith(`${each} `));
  invariant(table !== undefined, "a row seen has a table", { key });
  return table;
}

function change(table: TableName, id: string, row: AnyRow | undefined, previous: AnyRow | undefined): RowChange {
  return { table, id, row, previous } as RowChange;
}
