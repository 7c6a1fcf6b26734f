// How many rows of stores in memory are read while something happens: looked up by id, or taken from an index or a table.

import { Table } from "../../src/store/table.js";

type Method = (this: unknown, ...values: readonly unknown[]) => unknown;

/** Rows read, the store's own reads for its writes included. */
export async function countReads(happen: () => Promise<void>): Promise<number> {
  let read = 0;
  const restore = (["get", "all", "by", "byPrefix"] as const).map((name) =>
    wrap(name, (result) => {
      if (name !== "get") return counted(result as Iterable<unknown>);
      read += 1;
      return result;
    }),
  );
  function* counted(rows: Iterable<unknown>): Iterable<unknown> {
    for (const row of rows) {
      read += 1;
      yield row;
    }
  }
  try {
    await happen();
  } finally {
    for (const each of restore) each();
  }
  return read;
}

/** Every table's answers go through `seen`, until what it returns is called. */
function wrap(name: "get" | "all" | "by" | "byPrefix", seen: (result: unknown) => unknown): () => void {
  const property = Object.getOwnPropertyDescriptor(Table.prototype, name);
  if (property === undefined) throw new Error(`a table has no ${name}`);
  const method = property.value as Method;
  const value: Method = function (...values) {
    return seen(method.apply(this, [...values]));
  };
  Object.defineProperty(Table.prototype, name, { ...property, value });
  return () => void Object.defineProperty(Table.prototype, name, property);
}
