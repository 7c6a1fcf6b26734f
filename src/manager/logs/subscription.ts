// One request for logs: which nodes are asked and how far each has come, their lines in one order, what is missing.

import { type Clock, MergedStream, SwarmError, secondsAfter, type Timer } from "../../base/index.js";
import type { LogBatch, LogFailure, LogReadOptions, LogSubscription } from "../../gen/skep/v1/logs.js";
import { NodeState, type Task } from "../../gen/skep/v1/objects.js";
import type { Store } from "../../store/index.js";
import { publishedLines, type SwarmLine } from "./lines.js";
import { isSelected, type LogSelector, targetsOf } from "./targets.js";
import { incomplete, texts } from "./texts.js";

/** Lines are held so long for nodes that say nothing: who follows wants them soon, who does not wants them in order. */
const followWindowMs = 250;
const historyWindowMs = 1_000;
/** The first lines are held so long for nodes that were asked and did not begin. */
const expectMs = 1_000;
/** A node that is there begins within this. */
const answerMs = 5_000;
/** One that reads, and does not follow, gives a sign every second; after this it is given up. */
const silentMs = 5_000;
/** Lines held for their order, in all. */
const heldBytesMax = 2 * 1024 * 1024;
/** Reasons why lines are missing that are kept. */
const reasonsMax = 1_000;
/** What a line costs besides its bytes. */
const lineOverheadBytes = 200;

export type LogPart =
  | { readonly kind: "lines"; readonly lines: readonly SwarmLine[] }
  /** The last part: what could not be had. */
  | { readonly kind: "incomplete"; readonly text: string };

export interface SubscriptionOptions {
  readonly id: string;
  readonly selector: LogSelector;
  readonly read: LogReadOptions;
}

export interface SubscriptionModules {
  readonly store: Store;
  readonly clock: Clock;
  /** What this node is asked for changed. */
  readonly touched: (nodeId: string) => void;
  readonly onEnd: () => void;
}

/** A node that is asked. */
interface Asked {
  /** One of its tasks: a warning about the node is put down to it. */
  readonly task: Task;
  state: "asked" | "reading" | "done";
  /** Runs while it is asked. */
  readonly answer: Timer;
  /** Rises with each stream of it: only the newest counts. */
  streams: number;
  /** Its absence was told, and it did not come back since. */
  isMissed: boolean;
  /** Time of its last line. */
  last: string | undefined;
}

export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #modules: SubscriptionModules;
  readonly #stream: MergedStream<SwarmLine>;
  readonly #nodes = new Map<string, Asked>();
  readonly #reasons = new Set<string>();
  readonly #over = new AbortController();
  #warnings = 0;

  constructor(options: SubscriptionOptions, modules: SubscriptionModules) {
    this.#options = options;
    this.#modules = modules;
    const windowMs = options.read.follow ? followWindowMs : historyWindowMs;
    this.#stream = new MergedStream<SwarmLine>({ windowMs, expectMs, bytesMax: heldBytesMax, bytesOf }, modules.clock);
  }

  get follows(): boolean {
    return this.#options.read.follow;
  }

  concerns(task: Task): boolean {
    return isSelected(task, this.#options.selector);
  }

  /** Asks every node there is to ask. */
  begin(): void {
    const { nodes, unscheduled } = this.#targets();
    for (const nodeId of nodes.keys()) this.#stream.expect(nodeId);
    for (const [nodeId, task] of nodes) this.#ask(nodeId, task);
    if (this.follows) return;
    for (const taskId of unscheduled) this.#note(texts.unscheduled(taskId));
    this.#finishIfDone();
  }

  /** Tasks changed: nodes join and leave a stream that follows. */
  retarget(): void {
    if (!this.follows || this.#over.signal.aborted) return;
    const { nodes, isGone } = this.#targets();
    for (const [nodeId, task] of nodes) if (!this.#nodes.has(nodeId)) this.#ask(nodeId, task);
    for (const nodeId of [...this.#nodes.keys()]) if (!nodes.has(nodeId)) this.#drop(nodeId);
    if (isGone) this.#stream.finish();
  }

  /** A node may be down. */
  nodeChanged(nodeId: string): void {
    if (this.follows && !this.#isThere(nodeId)) this.#giveUp(nodeId, texts.unavailable(nodeId));
  }

  /** What the node is to publish of this; undefined when nothing (more). One that comes back goes on where it had come. */
  requestTo(nodeId: string): LogSubscription | undefined {
    const node = this.#nodes.get(nodeId);
    if (!node || (node.state === "done" && !this.follows)) return undefined;
    const { id, selector, read } = this.#options;
    const of =
      selector.kind === "service" ? { serviceId: selector.id, taskId: "" } : { serviceId: "", taskId: selector.id };
    if (node.last === undefined) return { id, ...of, options: read };
    return { id, ...of, options: { ...read, tail: undefined, since: secondsAfter(node.last) } };
  }

  /** What a node publishes. Resolves when it said all, or no more is wanted; rejects when it broke off, or says what it must not. */
  async publish(nodeId: string, batches: AsyncIterator<LogBatch>, signal: AbortSignal): Promise<void> {
    const node = this.#nodes.get(nodeId);
    if (!node) throw new SwarmError("PermissionDenied", `node ${nodeId} was not asked for these logs`);
    if (node.state === "done" && !this.follows) return;
    const number = this.#read(node);
    const isCurrent = (): boolean => this.#nodes.get(nodeId) === node && node.streams === number;
    const either = AbortSignal.any([signal, this.#over.signal]);
    try {
      await this.#stream.attach(nodeId, this.#linesOf(nodeId, node, batches, either));
      if (isCurrent()) node.state = "done";
    } catch (error) {
      if (this.#over.signal.aborted || !isCurrent()) return;
      this.#giveUp(nodeId, texts.disconnected(nodeId));
      throw error;
    } finally {
      this.#finishIfDone();
    }
  }

  /** To be read once. Ends by itself unless it follows; ends everything when it is no longer read. */
  async *parts(signal: AbortSignal): AsyncGenerator<LogPart, void, void> {
    try {
      for await (const lines of this.#stream.read(signal)) yield { kind: "lines", lines };
      if (this.#reasons.size > 0) yield { kind: "incomplete", text: incomplete([...this.#reasons]) };
    } finally {
      this.end();
    }
  }

  /** Its last word is why; what was there by now still goes out. */
  fail(reason: string): void {
    this.#note(reason);
    this.#stop();
  }

  end(): void {
    this.#stop();
    this.#modules.onEnd();
  }

  #stop(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(new SwarmError("Aborted", "the log subscription is over"));
    for (const nodeId of [...this.#nodes.keys()]) this.#drop(nodeId);
    this.#stream.finish();
  }

  #targets() {
    return targetsOf(this.#modules.store, this.#options.selector, this.follows);
  }

  #isThere(nodeId: string): boolean {
    const node = this.#modules.store.table("node").get(nodeId);
    return node !== undefined && node.status?.state !== NodeState.DOWN;
  }

  /** nothing → asked; a node that is known to be down is not waited for. */
  #ask(nodeId: string, task: Task): void {
    const giveUp = (): void => this.#giveUp(nodeId, texts.unavailable(nodeId));
    const answer = this.#modules.clock.after(answerMs, giveUp);
    this.#nodes.set(nodeId, { task, answer, state: "asked", streams: 0, isMissed: false, last: undefined });
    if (this.#isThere(nodeId)) this.#modules.touched(nodeId);
    else giveUp();
  }

  /** asked, done → reading. Returns the number of its stream. */
  #read(node: Asked): number {
    node.answer.cancel();
    node.state = "reading";
    node.isMissed = false;
    node.streams += 1;
    return node.streams;
  }

  /** asked, reading → done, and said so; while following the node is taken back whenever it publishes again. */
  #giveUp(nodeId: string, reason: string): void {
    const node = this.#nodes.get(nodeId);
    if (!node || node.isMissed) return;
    node.answer.cancel();
    node.state = "done";
    node.isMissed = true;
    this.#stream.end(nodeId);
    this.#miss(reason, nodeId, node.task);
    this.#modules.touched(nodeId);
    this.#finishIfDone();
  }

  #drop(nodeId: string): void {
    this.#nodes.get(nodeId)?.answer.cancel();
    this.#nodes.delete(nodeId);
    this.#stream.end(nodeId);
    this.#modules.touched(nodeId);
  }

  async *#linesOf(
    nodeId: string,
    node: Asked,
    batches: AsyncIterator<LogBatch>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly SwarmLine[], void, void> {
    const { store, clock } = this.#modules;
    const lines = publishedLines(batches, {
      ...{ nodeId, clock, signal, silentMs: this.follows ? undefined : silentMs },
      taskOf: (taskId) => {
        const task = store.table("task").get(taskId);
        return task && this.concerns(task) ? task : undefined;
      },
      failed: (failure) => this.#miss(reasonOf(failure), nodeId, node.task, failure.taskId),
    });
    for await (const some of lines) {
      for (const { timestamp } of some) if (node.last === undefined || timestamp > node.last) node.last = timestamp;
      yield some;
    }
  }

  /** Lines are missing: said among the lines while following, else at the end. */
  #miss(reason: string, nodeId: string, task: Task, taskId = task.id): void {
    if (!this.follows) return this.#note(reason);
    this.#warnings += 1;
    const said = { $case: "warning", text: incomplete([reason]) } as const;
    const warning = { timestamp: "", nodeId, serviceId: task.serviceId, taskId: taskId || task.id, said };
    async function* once(): AsyncGenerator<readonly SwarmLine[], void, void> {
      yield [warning];
    }
    void this.#stream.attach(`warning ${this.#warnings}`, once());
  }

  #note(reason: string): void {
    if (this.#reasons.size < reasonsMax) this.#reasons.add(reason);
  }

  #finishIfDone(): void {
    if (this.follows) return;
    for (const { state } of this.#nodes.values()) if (state !== "done") return;
    this.#stream.finish();
  }
}

function reasonOf({ taskId, message }: LogFailure): string {
  return taskId === "" ? message : `task ${taskId}: ${message}`;
}

function bytesOf({ said }: SwarmLine): number {
  return lineOverheadBytes + (said.$case === "line" ? said.line.data.length + said.line.details.length : 0);
}
