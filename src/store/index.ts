/**
 * The cluster's state: tables in memory, changed only by replicated entries. Loops meet here and nowhere else.
 *
 * What must stay true:
 * S1  `view` sees exactly what is applied, `update` decides on exactly that plus what it wrote itself.
 * S2  every entry continues the revision it was made on, so every member holds the same rows with the same versions.
 * S3  a row is never changed, only replaced; what was read stays what it was.
 * S4  a repeated API write finds the answer of the first.
 * S5  a rejected write says which it was: NotLeader (nothing happened) or UnknownOutcome (it may yet happen).
 *
 * Start at store.ts; draft.ts is what a transaction sees, watch.ts what a loop reads, schema.ts the tables.
 */
export type { Transaction, View } from "./draft.js";
export { type Follower, follow } from "./follow.js";
export { predecessorOf, revisionOf, specOf, taskSpecOf } from "./joins.js";
export { type Log, NotLeader, UnknownOutcome } from "./log.js";
export { type AnyRow, anyManager, nameKey, type Rows, revisionId, slotKey, type TableName } from "./schema.js";
export { Store, type StoreModules, type StoreOptions, type Writer } from "./store.js";
export type { ReadTable } from "./table.js";
export type { Turn, Turns } from "./turns.js";
export type { Batch, Reader, RowChange, WatchOptions } from "./watch.js";
