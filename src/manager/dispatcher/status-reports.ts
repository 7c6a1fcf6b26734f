// What agents said of their tasks and nobody has stored yet: gathered over all sessions, stored in few transactions.

import { type Clock, type Counter, type Metrics, wallTime } from "../../base/index.js";
import { StatusReport } from "../../gen/skep/v1/dispatcher.js";
import type { Transaction, Writer } from "../../store/index.js";
import { acceptStatus } from "./accept-status.js";

/** Statuses in one transaction; a single report may hold more. */
const statusesMax = 500;
/** Bytes in one transaction, as the agents sent them; the store takes twice as many. */
const bytesMax = 512 * 1024;
/** Statuses and bytes in one report: an agent sends far smaller ones. */
const reportStatusesMax = 2_000;
const reportBytesMax = 256 * 1024;

/** Who is told once a report is stored. */
export interface Reporting {
  readonly nodeId: string;
  acknowledge(reportNumber: number): void;
}

interface Waiting {
  readonly from: Reporting;
  readonly report: StatusReport;
  readonly bytes: number;
}

export class StatusReports {
  readonly #clock: Clock;
  readonly #writer: Writer;
  readonly #statuses: Counter;
  #waiting: Waiting[] = [];

  constructor(modules: { readonly clock: Clock; readonly writer: Writer; readonly metrics: Metrics }) {
    this.#clock = modules.clock;
    this.#writer = modules.writer;
    this.#statuses = modules.metrics.counter("skep_dispatcher_statuses_total", "Task statuses agents sent.", [
      "result",
    ]);
  }

  /** False: the report is larger than any honest one. How many may wait is for the session to bound. */
  add(from: Reporting, report: StatusReport): boolean {
    const bytes = StatusReport.encode(report).finish().length;
    if (report.tasks.length > reportStatusesMax || bytes > reportBytesMax) return false;
    this.#waiting.push({ from, report, bytes });
    return true;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Stores what fits into one transaction, then acknowledges it. What was not stored waits on. */
  async store(): Promise<void> {
    const batch = this.#take();
    if (batch.length === 0) return;
    try {
      const results = await this.#writer.update((tx) => this.#apply(tx, batch));
      for (const [result, count] of results) this.#statuses.add(count, { result });
    } catch (error) {
      this.#waiting = [...batch, ...this.#waiting];
      throw error;
    }
    for (const { from, report } of batch) from.acknowledge(report.number);
  }

  #take(): readonly Waiting[] {
    let statuses = 0;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      statuses += waiting.report.tasks.length;
      bytes += waiting.bytes;
      if (count > 0 && (statuses > statusesMax || bytes > bytesMax)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #apply(tx: Transaction, batch: readonly Waiting[]): ReadonlyMap<string, number> {
    const now = wallTime(this.#clock.now());
    const results = new Map<string, number>();
    for (const { from, report } of batch) {
      for (const { taskId, status } of report.tasks) {
        if (status === undefined) continue;
        const answer = acceptStatus(tx.table("task").get(taskId), from.nodeId, status, now);
        if (answer.kind === "accepted") tx.setStatus(taskId, answer.status);
        const result = answer.kind === "accepted" ? "accepted" : answer.why;
        results.set(result, (results.get(result) ?? 0) + 1);
      }
    }
    return results;
  }
}
