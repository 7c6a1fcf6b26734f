// Readers of what was committed: each has a bounded queue, and one that is too slow is told to look at everything again.

import type { AnyRow, Rows, TableName } from "./schema.js";

/** What happened to one row. `row` is absent after a deletion, `previous` before a creation. */
export type RowChange = {
  readonly [T in TableName]: {
    readonly table: T;
    readonly id: string;
    readonly row: Rows[T] | undefined;
    readonly previous: Rows[T] | undefined;
  };
}[TableName];

/** Everything committed since the reader last looked, in order; or the advice to rebuild its whole opinion. */
export interface Batch {
  /** True for a reader that fell behind its bound, and after a snapshot was installed: `changes` is then empty. */
  readonly resync: boolean;
  /** The store's revision after the last change. */
  readonly revision: number;
  readonly changes: readonly RowChange[];
}

/** Everything committed, batch by batch. */
export interface Reader extends AsyncIterable<Batch> {
  /** What was committed since it was last asked or read, at once; undefined when that is nothing. */
  take(): Batch | undefined;
}

export interface WatchOptions {
  /** Only changes of these tables; all when absent. */
  readonly tables?: readonly TableName[];
  /** Changes kept for a reader that is busy; 10,000 when absent. */
  readonly max?: number;
}

const defaultMax = 10_000;

export class Watch implements Reader {
  readonly #tables: ReadonlySet<TableName> | undefined;
  readonly #max: number;
  #changes: RowChange[] = [];
  #resync = false;
  #revision = 0;
  #ended: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: WatchOptions) {
    this.#tables = options.tables && new Set(options.tables);
    this.#max = options.max ?? defaultMax;
  }

  /** The store's side: a commit happened. The reader learns of it with `wake`; false: nothing in it concerns this one. */
  push(revision: number, changes: readonly RowChange[]): boolean {
    const tables = this.#tables;
    const mine = tables ? changes.filter((change) => tables.has(change.table)) : changes;
    if (mine.length === 0) return false;
    this.#revision = revision;
    if (this.#resync) return true;
    if (this.#changes.length + mine.length > this.#max) this.#startOver();
    else for (const change of mine) this.#changes.push(change);
    return true;
  }

  /** The store's side: nothing the reader saw can be built upon. */
  resync(revision: number): void {
    this.#revision = revision;
    this.#startOver();
    this.#notify();
  }

  /** The store's side: whoever writes has been answered. */
  wake(): void {
    if (this.#resync || this.#changes.length > 0) this.#notify();
  }

  /** Ends the stream: its reader's loop throws the reason. */
  end(reason: unknown): void {
    this.#ended ??= { reason };
    this.#notify();
  }

  take(): Batch | undefined {
    return this.#resync || this.#changes.length > 0 ? this.#take() : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    for (;;) {
      if (this.#ended) throw this.#ended.reason;
      if (this.#resync || this.#changes.length > 0) {
        yield this.#take();
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #startOver(): void {
    this.#changes = [];
    this.#resync = true;
  }

  #take(): Batch {
    const batch = { resync: this.#resync, revision: this.#revision, changes: this.#changes };
    this.#changes = [];
    this.#resync = false;
    return batch;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** One row's change, typed by its table. */
export function rowChange(
  table: TableName,
  id: string,
  row: AnyRow | undefined,
  previous: AnyRow | undefined,
): RowChange {
  return { table, id, row, previous } as RowChange;
}
