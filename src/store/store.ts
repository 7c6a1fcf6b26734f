// The store: applied state, a queue of transactions in front of the log, watchers behind it.

import {
  type Clock,
  type Gauge,
  type Histogram,
  invariant,
  type Metrics,
  SwarmError,
  wallTime,
} from "../base/index.js";
import type { Cluster } from "../gen/skep/v1/objects.js";
import { type Change, withStatus } from "./change.js";
import { Draft, newTables, type Tables, type Transaction, type View } from "./draft.js";
import {
  decodeEntry,
  encodeEntry,
  encodeTransaction,
  entryBytesMax,
  entryChangesMax,
  entrySharedMax,
} from "./entry.js";
import { deepFreeze } from "./freeze.js";
import { JobQueue } from "./job-queue.js";
import { type Log, NotLeader, UnknownOutcome } from "./log.js";
import { type AnyRow, type TableName, tableNames } from "./schema.js";
import { readSnapshot, writeSnapshot } from "./snapshot.js";
import type { ReadTable, Table } from "./table.js";
import { Turns, type TurnsOptions } from "./turns.js";
import { type Reader, type RowChange, rowChange, type WatchOptions } from "./watch.js";
import { Watches } from "./watches.js";

/**
 * Revision of an empty store. Bootstrap and the first node's session are two transactions, so the first service of a new
 * swarm is 11, as on a fresh Docker swarm: public tests assert the number (docker-api.md trap 23).
 */
const revisionOfNothing = 8;
/** Transactions that may wait for the entry in flight. */
const queuedMax = 20_000;
/** Changes of an entry after which the loop is left for a turn. */
const breathMin = 100;
/** Queued functions run for so long before the loop is left for a turn. */
const runMs = 8;
/** API writes whose answers are remembered (S4). */
const requestsMax = 10_000;

export interface StoreOptions extends TurnsOptions {
  /** Freezes every row deeply, so that a reader which changes one is found: for tests. */
  readonly freeze?: boolean;
}

export interface StoreModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Runs `fn` once the loop has done what else is due; absent: nothing is given way to. */
  readonly nextTurn?: (fn: () => void) => void;
}

/** Writes in one term of leadership. Once that is over every write rejects with NotLeader. */
export interface Writer {
  readonly term: number;
  /**
   * Queues `fn`; it runs when the entry in flight has been applied, on exactly what is true then, and its writes are
   * replicated as one transaction. If it throws it leaves no trace and its error is the rejection. Resolves with what
   * `fn` returned once its writes are applied. Rejects with NotLeader (nothing happened) or UnknownOutcome.
   */
  update<T>(fn: (tx: Transaction) => T): Promise<T>;
  /**
   * The same for a write of the API with its request id: a repeat returns the first answer and writes nothing. The answer
   * is a string, usually the id of what was made. A user waits for it: it goes before what is queued by `update`.
   */
  once(requestId: string, fn: (tx: Transaction) => string): Promise<string>;
}

interface Job {
  readonly writer: Writer;
  readonly fn: (tx: Transaction) => unknown;
  readonly queuedAt: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Applied {
  readonly job: Job;
  readonly value: unknown;
}

export class Store implements View {
  /** Where the loops that live on this store do what is long. */
  readonly turns: Turns;
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #nextTurn: StoreModules["nextTurn"];
  readonly #tables: Tables = newTables();
  readonly #watches: Watches;
  readonly #seconds: Histogram;
  readonly #queueSize: Gauge;
  #revision = revisionOfNothing;
  #writer: Writer | undefined;
  readonly #queue = new JobQueue<Job>();
  #pumping = false;
  /** The entry in flight, so that this member need not decode what it wrote itself. */
  #inFlight: { readonly term: number; readonly transactions: readonly (readonly Change[])[] } | undefined;

  constructor(options: StoreOptions, modules: StoreModules) {
    this.#options = options;
    this.#clock = modules.clock;
    this.#log = modules.log;
    this.#nextTurn = modules.nextTurn;
    this.turns = new Turns(options, modules);
    this.#watches = new Watches(modules.nextTurn);
    this.#seconds = modules.metrics.histogram(
      "skep_store_update_seconds",
      "From queueing a transaction to its being applied.",
    );
    this.#queueSize = modules.metrics.gauge("skep_store_queue", "Transactions waiting for the entry in flight.");
  }

  get revision(): number {
    return this.#revision;
  }

  get cluster(): Cluster | undefined {
    return this.#tables.cluster.oldest();
  }

  table<T extends TableName>(name: T): ReadTable<T> {
    return this.#tables[name];
  }

  /** Reads what is applied. Synchronous: nothing read may be kept across an await but rows, which never change. */
  view<T>(fn: (view: View) => T): T {
    return fn(this);
  }

  /**
   * Runs `fn` on a draft of what is applied and throws the draft away: what a write would leave, or how it would be refused.
   * Nothing is written, whoever leads.
   */
  rehearse<T>(fn: (tx: Transaction) => T): T {
    return fn(new Draft(this.#tables, this.#revision, wallTime(this.#clock.now())));
  }

  /** Everything committed from this call on. Call it and `view` without an await between them to miss nothing. */
  watch(options: WatchOptions, signal: AbortSignal): Reader {
    return this.#watches.open(options, signal);
  }

  /** not leading → leading, once an entry of the own term has been applied. */
  lead(term: number): Writer {
    invariant(this.#writer === undefined, "leadership is taken once", { term });
    const writer: Writer = {
      term,
      update: (fn) => this.#enqueue(writer, fn),
      once: (requestId, fn) => this.#enqueue(writer, (tx) => once(tx, requestId, fn), true),
    };
    this.#writer = writer;
    return writer;
  }

  /** leading → not leading: what is queued is rejected before anybody else is told. */
  unlead(): void {
    this.#writer = undefined;
    for (const job of this.#queue.takeAll()) job.reject(new NotLeader());
  }

  /** The state machine's side: one committed entry of the log, in order. */
  apply(entry: { readonly term: number; readonly data: Uint8Array }): void {
    if (entry.data.length === 0) return;
    const mine = this.#inFlight?.term === entry.term ? this.#inFlight : undefined;
    this.#inFlight = mine ? undefined : this.#inFlight;
    for (const changes of mine?.transactions ?? this.#decode(entry.data)) this.#applyTransaction(changes);
  }

  /** A consistent snapshot as chunks; encoding happens while they are read. */
  snapshot(): Iterable<Uint8Array> {
    return writeSnapshot(this.#tables, this.#revision);
  }

  /** Replaces everything by a snapshot; watchers are told to look at everything again. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const tables = newTables();
    const revision = await readSnapshot(chunks, tables, (row) => this.#frozen(row));
    // In one step, at once: a loop that looks at a table sees the old state or the new one.
    for (const name of tableNames) adopt(name, this.#tables, tables);
    this.#revision = revision;
    this.#watches.resync(revision);
  }

  #enqueue<T>(writer: Writer, fn: (tx: Transaction) => T, isUrgent = false): Promise<T> {
    if (this.#writer !== writer) return Promise.reject(new NotLeader());
    if (this.#queue.size >= queuedMax) {
      return Promise.reject(
        new SwarmError("ResourceExhausted", `more than ${queuedMax} changes wait for the store; try again later`),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const queuedAt = this.#clock.monotonic();
      this.#queue.push({ writer, fn, queuedAt, resolve: resolve as (value: unknown) => void, reject }, isUrgent);
      if (!this.#pumping) void this.#pump(isUrgent);
    });
  }

  /** One entry after the other, each with all that gathered while the last was in flight. Never rejects. */
  async #pump(isUrgent: boolean): Promise<void> {
    this.#pumping = true;
    // What the leader's loops decide shares a turn with nothing large; a user is not made to wait for that.
    if (!isUrgent && this.#nextTurn) await this.#breath();
    while (this.#queue.size > 0) {
      this.#queueSize.set(this.#queue.size);
      const beganMs = this.#clock.monotonic();
      const draft = new Draft(this.#tables, this.#revision, wallTime(this.#clock.now()));
      const { applied, refused, transactions, encoded } = this.#runQueued(draft, beganMs + runMs);
      const isLong = this.#clock.monotonic() - beganMs >= runMs;
      try {
        if (transactions.length > 0) await this.#propose(transactions, encoded);
        for (const { job, value } of applied) {
          this.#seconds.observe((this.#clock.monotonic() - job.queuedAt) / 1000);
          job.resolve(value);
        }
        for (const { job, error } of refused) job.reject(error);
      } catch (error) {
        for (const { job } of applied) job.reject(error);
        // Why they were refused never came to be; of them, nothing happened.
        for (const { job } of refused) job.reject(new NotLeader());
      }
      // What was written is heard of, and others have their turn, before as much is decided again.
      if (isLong || changesIn(transactions) >= breathMin) await this.#breath();
    }
    this.#pumping = false;
  }

  #breath(): Promise<void> {
    return new Promise((resolve) => (this.#nextTurn ? this.#nextTurn(resolve) : resolve()));
  }

  /**
   * Runs queued functions on the draft until the entry is full, or it took long. `refused`: threw after they saw what is not committed yet, and
   * may be told so only when it is – else a writer would know of a value that a read after it does not find (S1).
   */
  #runQueued(
    draft: Draft,
    untilMs: number,
  ): {
    applied: Applied[];
    refused: { readonly job: Job; readonly error: unknown }[];
    transactions: (readonly Change[])[];
    encoded: Uint8Array[];
  } {
    const applied: Applied[] = [];
    const refused: { readonly job: Job; readonly error: unknown }[] = [];
    const transactions: (readonly Change[])[] = [];
    const encoded: Uint8Array[] = [];
    let changesTotal = 0;
    let bytesTotal = 0;
    while (changesTotal < entrySharedMax) {
      const job = this.#queue.peek();
      if (job === undefined || this.#clock.monotonic() > untilMs) break;
      const run = runJob(job, draft);
      if ("error" in run) {
        this.#queue.shift();
        if (transactions.length > 0) refused.push({ job, error: run.error });
        else job.reject(run.error);
        continue;
      }
      const bytes = encodeTransaction(draft.pending);
      const full = changesTotal + draft.pending.length > entryChangesMax || bytesTotal + bytes.length > entryBytesMax;
      if (full) {
        draft.rollback();
        if (transactions.length > 0) break;
        this.#queue.shift();
        job.reject(tooLarge());
        continue;
      }
      this.#queue.shift();
      applied.push({ job, value: run.value });
      const changes = draft.commit();
      if (changes.length === 0) continue;
      transactions.push(changes);
      encoded.push(bytes);
      changesTotal += changes.length;
      bytesTotal += bytes.length;
    }
    return { applied, refused, transactions, encoded };
  }

  async #propose(transactions: readonly (readonly Change[])[], encoded: readonly Uint8Array[]): Promise<void> {
    const term = this.#writer?.term;
    if (term === undefined) throw new NotLeader();
    this.#inFlight = { term, transactions };
    try {
      await this.#log.propose(encodeEntry(this.#revision, encoded), term);
      invariant(this.#inFlight === undefined, "a proposal resolves after it was applied", { term });
    } catch (error) {
      this.#inFlight = undefined;
      throw error instanceof NotLeader || error instanceof UnknownOutcome ? error : unknownOutcome(error);
    }
  }

  #decode(data: Uint8Array): readonly (readonly Change[])[] {
    const { baseRevision, transactions } = decodeEntry(data);
    invariant(baseRevision === this.#revision, "an entry continues the state it was made on (S2)", {
      baseRevision,
      revision: this.#revision,
    });
    return transactions;
  }

  #applyTransaction(changes: readonly Change[]): void {
    this.#revision += 1;
    const rows = changes.map((change) => this.#applyChange(change));
    this.#watches.committed(this.#revision, rows);
  }

  #applyChange(change: Change): RowChange {
    const { table, id, row } = this.#resolve(change);
    const target = this.#tables[table] as {
      get(id: string): AnyRow | undefined;
      set(row: AnyRow): void;
      delete(id: string): void;
    };
    const previous = target.get(id);
    if (row) target.set(this.#frozen(row));
    else target.delete(id);
    return rowChange(table, id, row, previous);
  }

  #resolve(change: Change): { table: TableName; id: string; row: AnyRow | undefined } {
    switch (change.kind) {
      case "put":
        return { table: change.table, id: change.row.id, row: change.row };
      case "delete":
        return { table: change.table, id: change.id, row: undefined };
      case "status": {
        const task = this.#tables.task.get(change.taskId);
        invariant(task !== undefined, "a status belongs to a task that exists", { taskId: change.taskId });
        return { table: "task", id: task.id, row: withStatus(task, change.status, this.#revision) };
      }
      default:
        return change satisfies never;
    }
  }

  #frozen<Row extends AnyRow>(row: Row): Row {
    return this.#options.freeze ? deepFreeze(row) : row;
  }
}

function changesIn(transactions: readonly (readonly Change[])[]): number {
  return transactions.reduce((sum, changes) => sum + changes.length, 0);
}

function runJob(job: Job, draft: Draft): { readonly value: unknown } | { readonly error: unknown } {
  try {
    return { value: job.fn(draft) };
  } catch (error) {
    draft.rollback();
    return { error };
  }
}

/** S4: the last answers are replicated, oldest forgotten first. */
function once(tx: Transaction, requestId: string, fn: (tx: Transaction) => string): string {
  const requests = tx.table("request");
  const known = requests.get(requestId);
  if (known) return known.resultId;
  const resultId = fn(tx);
  const oldest = requests.size >= requestsMax ? requests.oldest() : undefined;
  if (oldest) tx.delete("request", oldest.id);
  tx.put("request", { id: requestId, meta: undefined, resultId });
  return resultId;
}

function tooLarge(): SwarmError {
  return new SwarmError(
    "ResourceExhausted",
    `the change is too large: one transaction holds at most ${entryChangesMax} changes and ${entryBytesMax} bytes`,
    { rpc: true },
  );
}

function unknownOutcome(cause: unknown): UnknownOutcome {
  const error = new UnknownOutcome();
  error.cause = cause;
  return error;
}

function adopt<T extends TableName>(name: T, target: Tables, source: Tables): void {
  (target[name] as Table<T>).become(source[name] as Table<T>);
}
