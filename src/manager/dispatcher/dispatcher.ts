// The dispatcher on the leader: follows the store for the sessions, judges who is there, stores what agents report.

import {
  type Clock,
  type Gauge,
  type Log,
  type Metrics,
  type Random,
  sleep,
  Wake,
  wallTime,
} from "../../base/index.js";
import type { AgentMessage, ManagerMessage, ManagerPeer } from "../../gen/skep/v1/dispatcher.js";
import { type Node, NodeState, type Task } from "../../gen/skep/v1/objects.js";
import { follow, type RowChange, type Store, type TableName, type Writer } from "../../store/index.js";
import { Liveness } from "./liveness.js";
import { type LogRequests, noLogs } from "./log-requests.js";
import { NodeRows } from "./node-rows.js";
import { orphanSome, withOrphans } from "./orphans.js";
import { heartbeatPeriodMs, SessionStates } from "./session-state.js";
import { type SessionPeer, Sessions } from "./sessions.js";
import { StatusReports } from "./status-reports.js";
import { isAssigned, versionOf } from "./task-assignment.js";

/** Longest wait between two judgements: a stall of this process is known this exactly. */
const pulseMs = 250;
/** A pulse this late means that the process stood still, and messages of agents wait to be read. */
const stallMs = 100;
/** How often nodes are looked for that are down for a day. */
const orphanPeriodMs = 60_000;
/** Node rows written at once. */
const nodesMax = 100;
/** … and looked at before others have their turn. */
const lookedMax = 1_000;

export type DispatcherOptions = Readonly<Record<string, never>>;

export interface DispatcherModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where the managers are reached now: agents remember them. */
  managers(): readonly ManagerPeer[];
  /** What nodes are asked to publish; nothing when absent. */
  readonly logs?: LogRequests;
}

export class Dispatcher {
  readonly #modules: DispatcherModules;
  readonly #bell = new Wake();
  readonly #liveness = new Liveness();
  readonly #rows: NodeRows;
  readonly #reports: StatusReports;
  readonly #states: SessionStates;
  readonly #sessions: Sessions;
  readonly #sessionsCount: Gauge;
  readonly #downCount: Gauge;
  readonly #down = new Set<string>();
  /** Nodes whose row may say something else than is known. */
  readonly #toStore = new Set<string>();
  /** Nodes whose tasks are to be written off. */
  readonly #gone = new Set<string>();

  constructor(_options: DispatcherOptions, modules: DispatcherModules) {
    this.#modules = modules;
    const { store, metrics } = modules;
    this.#rows = new NodeRows({ ...modules, liveness: this.#liveness });
    this.#reports = new StatusReports(modules);
    this.#states = new SessionStates(store, () => modules.managers());
    this.#sessions = new Sessions({
      ...modules,
      liveness: this.#liveness,
      rows: this.#rows,
      reports: this.#reports,
      states: this.#states,
      logs: modules.logs ?? noLogs,
      bell: this.#bell,
    });
    this.#sessionsCount = metrics.gauge("skep_dispatcher_sessions", "Nodes with a session.");
    this.#downCount = metrics.gauge("skep_dispatcher_nodes_down", "Nodes that are DOWN.");
  }

  /** One session of an agent. Ends or throws when the session is over; `incoming` throws when the agent is gone. */
  session(
    peer: SessionPeer,
    incoming: AsyncIterable<AgentMessage>,
    signal: AbortSignal,
  ): AsyncGenerator<ManagerMessage, void, void> {
    return this.#sessions.serve(peer, incoming, signal);
  }

  /** Runs for as long as this manager leads. Rejects with the signal's reason, with NotLeader, or with what broke. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#modules;
    const own = new AbortController();
    const both = AbortSignal.any([signal, own.signal]);
    const follower = {
      tables: ["node", "task", "cluster"] satisfies TableName[],
      bell: this.#bell,
      rebuild: () => this.#rebuild(),
      note: (changes: readonly RowChange[]) => this.#note(changes),
      work: (until: AbortSignal) => this.#work(until),
    };
    try {
      await Promise.race([follow(store, clock, follower, both), this.#pulse(both), this.#lookForOrphans(both)]);
    } finally {
      own.abort(new Error("the dispatcher ended"));
      this.#sessions.close();
    }
  }

  /** Everything is looked at: at the start of leading, and when events or writes were lost. */
  *#rebuild(): Iterable<void> {
    const { store, clock } = this.#modules;
    const nodes = store.table("node");
    for (const node of nodes.all()) {
      // Those that opened a session meanwhile, or lost it, are known already.
      this.#liveness.expect(node, { ms: clock.monotonic(), wallMs: clock.now() }, heartbeatPeriodMs(store.cluster));
      this.#countDown(node.id, node);
      this.#toStore.add(node.id);
      yield;
    }
    for (const nodeId of this.#down) if (nodes.get(nodeId) === undefined) this.#down.delete(nodeId);
    this.#refreshStates();
    for (const session of this.#sessions.all()) {
      session.touchAll();
      this.#sessions.endRemoved(session.nodeId);
      // Its node's tasks were looked at.
      yield;
    }
    this.#downCount.set(this.#down.size);
  }

  #note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "task") this.#noteTask(change.row, change.previous);
      else if (change.table === "node") this.#noteNode(change.id, change.row);
    }
    if (changes.some(({ table }) => table !== "task")) this.#refreshStates();
    this.#downCount.set(this.#down.size);
  }

  /** Nine changes in ten are statuses, which the agent knows better. */
  #noteTask(task: Task | undefined, previous: Task | undefined): void {
    const nodeId = (task ?? previous)?.nodeId;
    if (!nodeId || !differsForAgent(task, previous, nodeId)) return;
    const taskId = (task ?? previous)?.id;
    if (taskId !== undefined) this.#sessions.of(nodeId)?.touch(taskId);
  }

  #noteNode(nodeId: string, node: Node | undefined): void {
    this.#countDown(nodeId, node);
    if (node) this.#sessions.of(nodeId)?.touchState();
    else {
      this.#liveness.forget(nodeId);
      this.#sessions.endRemoved(nodeId);
    }
  }

  #countDown(nodeId: string, node: Node | undefined): void {
    if (node?.status?.state === NodeState.DOWN) this.#down.add(nodeId);
    else this.#down.delete(nodeId);
  }

  #refreshStates(): void {
    if (!this.#states.refresh()) return;
    for (const session of this.#sessions.all()) session.touchState();
  }

  /** Stores what is known of nodes and tasks; what is said meanwhile gathers for the next round. */
  async #work(signal: AbortSignal): Promise<void> {
    // All have ended before the next round begins, even if one failed.
    const ends = await Promise.allSettled([this.#storeNodes(signal), this.#reports.store(), this.#orphan()]);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    if (this.#toStore.size > 0 || this.#gone.size > 0 || !this.#reports.isEmpty) this.#bell.ring();
  }

  async #storeNodes(signal: AbortSignal): Promise<void> {
    const { store } = this.#modules;
    const stale: string[] = [];
    let looked = 0;
    for (const nodeId of this.#toStore) {
      if (stale.length >= nodesMax || looked >= lookedMax) break;
      looked += 1;
      this.#toStore.delete(nodeId);
      if (this.#rows.isStale(store, nodeId)) stale.push(nodeId);
    }
    // Where nothing is written nobody else has a turn.
    if (looked >= lookedMax) await store.turns.next(signal);
    const ends = await Promise.allSettled(stale.map((nodeId) => this.#rows.write(nodeId)));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async #orphan(): Promise<void> {
    const [nodeId] = this.#gone;
    if (nodeId === undefined) return;
    const { writer, clock, log } = this.#modules;
    const count = await writer.update((tx) => orphanSome(tx, nodeId, wallTime(clock.now())));
    if (count === 0) this.#gone.delete(nodeId);
    else log.warn("tasks written off", { node: nodeId, count, reason: "its node is down for 24 h" });
  }

  /** Time passes: nodes fall silent, engines stay silent, days end. */
  async #pulse(signal: AbortSignal): Promise<never> {
    const { clock } = this.#modules;
    let waitMs = 0;
    for (;;) {
      const askedMs = clock.monotonic();
      await sleep(clock, waitMs, signal);
      const nowMs = clock.monotonic();
      this.#forgive(nowMs - askedMs, waitMs);
      waitMs = this.#judge(nowMs);
      this.#refreshStates();
      this.#sessionsCount.set(this.#sessions.size);
    }
  }

  /** After a stall of this process the nodes have said things nobody has read yet. */
  #forgive(passedMs: number, waitMs: number): void {
    if (passedMs - waitMs < stallMs) return;
    this.#modules.log.warn("dispatcher stood still", { stallMs: Math.round(passedMs - waitMs) });
    this.#liveness.shift(passedMs);
  }

  /** Returns how long to wait before judging again. */
  #judge(nowMs: number): number {
    const { changed, nextMs } = this.#liveness.judge(nowMs);
    for (const nodeId of changed) {
      if (this.#liveness.isLost(nodeId)) this.#sessions.endLost(nodeId);
      if (!this.#rows.isStale(this.#modules.store, nodeId)) continue;
      this.#toStore.add(nodeId);
      this.#bell.ring();
    }
    return Math.min(pulseMs, nextMs - nowMs);
  }

  async #lookForOrphans(signal: AbortSignal): Promise<never> {
    const { store, clock } = this.#modules;
    for (;;) {
      const goneForGood = withOrphans(store, clock.now(), (nodeId) => this.#gone.add(nodeId));
      await store.turns.run(goneForGood, signal);
      if (this.#gone.size > 0) this.#bell.ring();
      await sleep(clock, orphanPeriodMs, signal);
    }
  }
}

function differsForAgent(task: Task | undefined, previous: Task | undefined, nodeId: string): boolean {
  if (!task || !previous) return true;
  return isAssigned(task, nodeId) !== isAssigned(previous, nodeId) || versionOf(task) !== versionOf(previous);
}
