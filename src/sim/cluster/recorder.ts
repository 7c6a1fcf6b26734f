// Who writes what: a writer that notes each row its transactions change, before and after.

import type { RowChange, Rows, TableName, Transaction, View, Writer } from "../../store/index.js";

/** A transaction a part of the manager wrote, as it stood when its function ended. */
export interface Written {
  readonly part: string;
  /** The store's revision once it is applied. */
  readonly revision: number;
  readonly changes: readonly RowChange[];
}

/** Told of each transaction, again if it had to run twice; `view` shows it made, during the call. */
export type OnWritten = (written: Written, view: View) => void;

export interface RecorderModules {
  readonly onWritten: OnWritten;
  /** What the part is given in the transaction's place. */
  readonly plant: (tx: Transaction) => Transaction;
}

/** The writer of `part`. */
export function recordedWriter(part: string, writer: Writer, { onWritten, plant }: RecorderModules): Writer {
  const recorded =
    <T>(fn: (tx: Transaction) => T) =>
    (tx: Transaction): T => {
      const recording = new RecordingTransaction(tx);
      const value = fn(plant(recording));
      const changes = recording.changes();
      if (changes.length > 0) onWritten({ part, revision: tx.revision + 1, changes }, tx);
      return value;
    };
  return {
    term: writer.term,
    update: (fn) => writer.update(recorded(fn)),
    once: (requestId, fn) => writer.once(requestId, recorded(fn)),
  };
}

class RecordingTransaction implements Transaction {
  readonly #tx: Transaction;
  /** Rows as they were before the first write, by table and id. */
  readonly #before = new Map<string, { readonly table: TableName; readonly id: string; readonly row: unknown }>();

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  get revision(): number {
    return this.#tx.revision;
  }

  get cluster(): Transaction["cluster"] {
    return this.#tx.cluster;
  }

  get tasksWritten(): Transaction["tasksWritten"] {
    return this.#tx.tasksWritten;
  }

  table: Transaction["table"] = (name) => this.#tx.table(name);

  put<T extends TableName>(table: T, row: Rows[T]): void {
    this.#note(table, row.id);
    this.#tx.put(table, row);
  }

  delete(table: TableName, id: string): void {
    this.#note(table, id);
    this.#tx.delete(table, id);
  }

  setStatus: Transaction["setStatus"] = (taskId, status) => {
    this.#note("task", taskId);
    this.#tx.setStatus(taskId, status);
  };

  changes(): readonly RowChange[] {
    return [...this.#before.values()].map(({ table, id, row: previous }) => {
      const row = this.#tx.table(table).get(id);
      return { table, id, row, previous } as RowChange;
    });
  }

  #note(table: TableName, id: string): void {
    const key = `${table} ${id}`;
    if (!this.#before.has(key)) this.#before.set(key, { table, id, row: this.#tx.table(table).get(id) });
  }
}
