// A whole swarm in one process, on virtual time: one manager with its disk, hosts with engines, lines between them, and a
// user. Nothing in it is a stand-in but clock, disk, engine, line and certificates. After everything that happens the
// checks are asked; the first wait that ends with a violation fails.

import { type Clock, type Log, messageOf, silentLog } from "../../base/index.js";
import type { EmbeddedOptions } from "../../engine/embedded/index.js";
import { type Node, NodeState, type Task } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { findNode, findService } from "../../manager/control/index.js";
import { revisionOf, type Store, type Transaction } from "../../store/index.js";
import { SeededRandom } from "../random.js";
import { VirtualClock } from "../time.js";
import { Checks } from "./checks/checks.js";
import { containersOf, type SimContainer } from "./containers.js";
import { SimHost } from "./host.js";
import { watchedLog } from "./log.js";
import { SimManager } from "./manager.js";
import { Observer } from "./observer.js";
import { Trace } from "./trace.js";
import { User } from "./user.js";

export interface SimClusterOptions {
  readonly seed?: number;
  /** Worker hosts: w1 … wN. */
  readonly hosts?: number;
  readonly engine?: EmbeddedOptions;
  /** One way. */
  readonly linkDelayMs?: number;
  readonly log?: Log;
  /** A bug in a part of the manager: what it writes goes through this first. To show that the checks find it. */
  readonly plant?: (part: string, tx: Transaction) => Transaction;
}

/** A machine of today: images are near, a start takes a little. */
const defaultEngine: EmbeddedOptions = { pullMs: 200, createMs: 20, startMs: 80, stopMs: 50 };
/** Whatever the user asks is answered within this, an absent leader included. */
const requestMaxMs = 60_000;
const startMaxMs = 30_000;
/** Between two looks while nothing happens. */
const lookMs = 500;

export class SimCluster {
  readonly clock = new VirtualClock();
  readonly checks: Checks;
  readonly trace: Trace;
  readonly manager: SimManager;
  readonly user: User;
  readonly #options: SimClusterOptions;
  readonly #random: SeededRandom;
  readonly #observer: Observer;
  readonly #hosts = new Map<string, SimHost>();
  #joined = 0;
  #looked = { happened: -1, atMs: 0 };

  private constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    const clock: Clock = this.clock;
    this.checks = new Checks(() => clock.monotonic());
    this.trace = new Trace(() => clock.monotonic());
    this.#observer = new Observer({
      committed: (changes, store) => {
        this.trace.committed(changes, store.revision, store);
        this.checks.committed(changes, store, this.hosts);
      },
      lost: (what) => this.checks.add("nothing applied is lost", what),
    });
    this.manager = this.#makeManager();
    this.user = new User({ manager: this.manager, clock });
  }

  /** A swarm whose hosts are all READY. */
  static async start(options: SimClusterOptions = {}): Promise<SimCluster> {
    const cluster = new SimCluster(options);
    await cluster.do(cluster.manager.init());
    await cluster.eventually("the manager leads", () => cluster.manager.leading !== undefined, startMaxMs);
    for (let number = 1; number <= (options.hosts ?? 3); number++)
      await cluster.do(cluster.join(cluster.newHostName()));
    await cluster.eventually(
      "all nodes are READY",
      () => cluster.hosts.every((host) => cluster.isReady(host.name)),
      startMaxMs,
    );
    return cluster;
  }

  get hosts(): readonly SimHost[] {
    return [...this.#hosts.values()];
  }

  host(name: string): SimHost {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  /** What is applied on the manager that runs. */
  get store(): Store {
    const { store } = this.manager;
    if (!store) throw new Error("the manager is down");
    return store;
  }

  /** A new host joins with a token of the swarm and starts its daemon. Takes time: run it with `do`. */
  async join(name: string, options: { readonly engine?: EmbeddedOptions } = {}): Promise<SimHost> {
    const address = `10.0.0.${Number(name.slice(1)) + 1}`;
    const { nodeId, clusterId } = await this.user.join(name, address);
    const host = new SimHost(
      {
        ...{ name, address, nodeId, clusterId, linkDelayMs: this.#options.linkDelayMs ?? 1 },
        engine: { ...defaultEngine, ...this.#options.engine, ...options.engine },
      },
      {
        clock: this.clock,
        random: this.#random.fork(name),
        log: this.#log,
        manager: this.manager,
        onEngineCall: (verb, what) => this.trace.say(`${name} engine`, `${verb} ${this.#shown(host, what)}`),
        onBroken: (error) => this.checks.add("daemons live", `${name}: ${messageOf(error)}`),
        agentSaid: (message) => this.trace.agentSaid(name, message),
        managerSaid: (message) => this.trace.managerSaid(name, message),
        wrong: (what) => this.checks.add("the protocol is kept", `${name}: ${what}`),
      },
    );
    this.#hosts.set(name, host);
    host.startDaemon();
    return host;
  }

  /** Differs when a transaction was applied or a container changed since. */
  get happened(): number {
    let happened = this.manager.store?.revision ?? -1;
    for (const host of this.#hosts.values()) happened += host.engine.nextEvent;
    return happened;
  }

  /** A name no host ever had. */
  newHostName(): string {
    this.#joined += 1;
    return `w${this.#joined}`;
  }

  /** Hosts whose nodes were not removed. */
  get members(): readonly SimHost[] {
    return this.hosts.filter(({ isMember }) => isMember);
  }

  /** Runs until what was asked is answered. */
  do<T>(request: Promise<T>, limitMs: number = requestMaxMs): Promise<T> {
    return this.#watched(this.clock.finish(request, limitMs, "the answer"));
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    let isOver = false;
    this.clock.after(ms, () => {
      isOver = true;
    });
    await this.eventually("time passes", () => isOver, ms + 1);
  }

  /** Runs until `predicate` holds and says how long it took; fails when that takes longer than `withinMs`. */
  async eventually(what: string, predicate: () => boolean, withinMs = 30_000): Promise<number> {
    const startMs = this.clock.monotonic();
    const asked = (): boolean => {
      this.#look();
      return this.checks.violations.length > 0 || predicate();
    };
    await this.#watched(this.clock.runUntil(asked, withinMs, what));
    return this.clock.monotonic() - startMs;
  }

  /** Runs for `ms` and fails as soon as `predicate` does not hold. */
  async throughout(what: string, predicate: () => boolean, ms: number): Promise<void> {
    let isOver = false;
    let isBroken = false;
    this.clock.after(ms, () => {
      isOver = true;
    });
    await this.eventually(what, () => (isBroken ||= !predicate()) || isOver, ms + 1);
    if (isBroken) throw new Error(`${what}: not any more`);
  }

  /** Containers that run for a service, on any host that has power. */
  running(service: string): readonly SimContainer[] {
    return this.containers().filter((container) => container.isRunning && container.serviceName === service);
  }

  containers(): readonly SimContainer[] {
    return containersOf(this.hosts);
  }

  /** How many containers of a service run on each host that runs any: `{ w1: 1, w2: 2 }`. */
  spread(service: string): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { host } of this.running(service)) counts[host] = (counts[host] ?? 0) + 1;
    return counts;
  }

  tasks(service: string): readonly Task[] {
    const { id } = findService(this.store, service);
    return [...this.store.table("task").by("service", id)];
  }

  /** What a rollback would go back to. */
  previousSpec(service: string): ServiceSpec | undefined {
    const { id, previousRevision } = findService(this.store, service);
    return previousRevision === undefined ? undefined : revisionOf(this.store, id, previousRevision).spec;
  }

  node(name: string): Node {
    return findNode(this.store, this.host(name).nodeId);
  }

  isReady(name: string): boolean {
    return this.node(name).status?.state === NodeState.READY;
  }

  /** Ends a container's process from outside; the first of the service, or the one on `host`. */
  killContainer(service: string, host?: string): SimContainer {
    const victim = this.running(service).find((each) => host === undefined || each.host === host);
    if (!victim) throw new Error(`no container of ${service} runs`);
    this.host(victim.host).engine.killProcess(victim.containerId);
    return victim;
  }

  /** The manager's process dies and comes back after `downMs`, from its disk. */
  async restartManager(downMs = 500): Promise<void> {
    this.manager.crash();
    await this.advance(downMs);
    await this.startManager();
  }

  /** down → leading; nothing when it is up. */
  async startManager(): Promise<void> {
    if (this.manager.isUp) return;
    await this.do(this.manager.restart());
    await this.eventually("the manager leads again", () => this.manager.leading !== undefined, startMaxMs);
    this.#observer.checkNothingLost(this.store);
    this.#refuseViolations();
  }

  /** What a part calls an error is one; only a node that was removed may complain. */
  get #log(): Log {
    return watchedLog(this.#options.log ?? silentLog, (message, fields) => {
      const isRemoved = this.hosts.some(({ name, isMember }) => name === fields["program"] && !isMember);
      if (!isRemoved) this.checks.add("no part fails", `${message} ${JSON.stringify(fields)}`);
    });
  }

  #makeManager(): SimManager {
    return new SimManager({
      clock: this.clock,
      random: this.#random.fork("manager"),
      log: this.#log,
      onStore: (store, signal) => this.#observer.follow(store, signal),
      onWritten: (written, view) => {
        this.trace.wrote(written);
        this.checks.written(written, view);
      },
      onSynced: () => this.trace.say("raft", "the log is synced"),
      plant: this.#options.plant ?? ((_part, tx) => tx),
      onFatal: (error) => this.checks.add("the manager lives", messageOf(error)),
    });
  }

  /** Containers by the name of their task. */
  #shown(host: SimHost, what: string): string {
    return host.engine.machines.find(({ id }) => id === what)?.name ?? what;
  }

  /** Asks the checks when anything happened since the last time, and now and then for what only time breaks. */
  #look(): void {
    const { store, leading } = this.manager;
    const nowMs = this.clock.monotonic();
    const { happened } = this;
    if (happened === this.#looked.happened && nowMs < this.#looked.atMs + lookMs) return;
    this.#looked = { happened, atMs: nowMs };
    this.checks.look(this.hosts, store, this.clock.now(), leading !== undefined);
  }

  /** What a wait ends with, unless a check failed meanwhile. */
  async #watched<T>(wait: Promise<T>): Promise<T> {
    try {
      const value = await wait;
      this.#refuseViolations();
      return value;
    } catch (error) {
      this.#refuseViolations(error);
      throw error;
    }
  }

  #refuseViolations(cause?: unknown): void {
    const { violations } = this.checks;
    if (violations.length > 0) throw new Error(violations.join("\n"), { cause });
  }
}
