// A whole swarm in one process, on virtual time: managers with their disks, hosts with engines, lines between them, and a
// user. Nothing in it is a stand-in but clock, disk, engine, line and certificates. After everything that happens the
// checks are asked; the first wait that ends with a violation fails.

import { type Clock, type Log, messageOf, silentLog } from "../../base/index.js";
import type { EmbeddedOptions } from "../../engine/embedded/index.js";
import { type Node, NodeState, type Task } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec } from "../../gen/skep/v1/specs.js";
import { findNode, findService } from "../../manager/control/index.js";
import type { Leading, ManagerOptions } from "../../manager/index.js";
import { revisionOf, type Store, type Transaction } from "../../store/index.js";
import { SeededRandom } from "../random.js";
import { VirtualClock } from "../time.js";
import { Checks } from "./checks/checks.js";
import { containersOf, type SimContainer } from "./containers.js";
import { SimHost } from "./host.js";
import { watchedLog } from "./log.js";
import { SimManager } from "./manager.js";
import { SimManagers } from "./managers.js";
import { addressOf, firstManager, SimNetwork } from "./network.js";
import { Observer } from "./observer.js";
import { simPki } from "./pki.js";
import { RaftLines } from "./raft-lines.js";
import { Trace } from "./trace.js";
import { User } from "./user.js";

export interface SimClusterOptions {
  readonly seed?: number;
  /** Worker hosts: w1 … wN. */
  readonly hosts?: number;
  /** Managers m1 … mN. More than one, or `areManagersHosts`: each has a worker, too. One alone has none. */
  readonly managers?: number;
  readonly areManagersHosts?: boolean;
  readonly engine?: EmbeddedOptions;
  /** One way. */
  readonly linkDelayMs?: number;
  readonly raftSizes?: NonNullable<ManagerOptions["raftSizes"]>;
  /** What managers say to each other travels as bytes. */
  readonly isEncoded?: boolean;
  /** No transcript is kept. */
  readonly isSilent?: boolean;
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
const managerPort = 2377;

export class SimCluster {
  readonly clock = new VirtualClock();
  readonly checks: Checks;
  readonly trace: Trace;
  readonly network = new SimNetwork((machine) => this.#hosts.get(machine)?.link.isCut ?? false);
  readonly managers: SimManagers;
  readonly user: User;
  readonly #options: SimClusterOptions;
  readonly #random: SeededRandom;
  readonly #observer: Observer;
  readonly #pki = simPki();
  readonly #lines: RaftLines;
  readonly #hosts = new Map<string, SimHost>();
  #joined = 0;
  #looked = { happened: -1, atMs: 0 };
  /** The latest term anybody led in. */
  #ledTerm = 0;

  private constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    const clock: Clock = this.clock;
    const { network } = this;
    const delayMs = options.linkDelayMs ?? 1;
    this.checks = new Checks(() => clock.monotonic());
    this.trace = new Trace(() => clock.monotonic(), options.isSilent ?? false);
    this.#observer = new Observer({
      committed: (changes, store) => {
        this.trace.committed(changes, store.revision, store);
        this.checks.committed(changes, store, this.hosts);
      },
      lost: (what) => this.checks.add("nothing applied is lost", what),
    });
    this.managers = new SimManagers({
      ...{ clock, network, delayMs, random: this.#random.fork("doors") },
      newManager: (name) => this.#newManager(name),
    });
    this.#lines = new RaftLines(
      { delayMs, isEncoded: options.isEncoded ?? false },
      { clock, random: this.#random.fork("lines"), isOpen: (from, to) => network.carries(from, to) },
    );
    network.onHealed(() => this.#flushLinks());
    this.managers.add(this.#newManager(firstManager));
    this.user = new User({ clock, ask: (request) => this.managers.askAny(request) });
  }

  /** A swarm whose hosts are all READY, and whose managers all vote. */
  static async start(options: SimClusterOptions = {}): Promise<SimCluster> {
    const cluster = new SimCluster(options);
    const { managers = 1, hosts = 3, areManagersHosts = managers > 1 } = options;
    await cluster.do(cluster.manager.init(NodeAvailability[areManagersHosts ? "ACTIVE" : "DRAIN"]));
    await cluster.eventually("the manager leads", () => cluster.manager.leading !== undefined, startMaxMs);
    if (areManagersHosts) cluster.#addHost({ name: firstManager, nodeId: cluster.manager.nodeId });
    for (let number = 2; number <= managers; number++)
      await cluster.do(cluster.join(`m${number}`, { role: "manager" }));
    for (let number = 1; number <= hosts; number++) await cluster.do(cluster.join(cluster.newHostName()));
    const areReady = (): boolean => cluster.hosts.every((host) => cluster.isReady(host.name));
    await cluster.eventually("all nodes are READY", areReady, startMaxMs);
    await cluster.eventually(`${managers} vote`, () => cluster.voters.length === managers, startMaxMs);
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

  /** The first manager; the only one, unless more were asked for. */
  get manager(): SimManager {
    const manager = this.managers.get(firstManager) ?? this.managers.all[0];
    if (!manager) throw new Error("there is no manager");
    return manager;
  }

  /** What only the leader has; undefined while there is none. */
  get leading(): Leading | undefined {
    return this.managers.leader?.leading;
  }

  /** Raft ids that vote, as the leader has it. */
  get voters(): readonly number[] {
    return this.managers.leader?.manager?.membership.voters ?? [];
  }

  /** What is applied on the manager that leads; else on the one that has most. */
  get store(): Store {
    const { store } = this.managers;
    if (!store) throw new Error("no manager is up");
    return store;
  }

  /** A new host joins with a token of the swarm and starts its daemon. Takes time: run it with `do`. */
  async join(
    name: string,
    { engine, role = "worker" }: { readonly engine?: EmbeddedOptions; readonly role?: "manager" | "worker" } = {},
  ): Promise<SimHost> {
    const { nodeId } = await this.user.join(name, addressOf(name), role);
    return this.#addHost({ name, nodeId, ...(engine && { engine }) });
  }

  /** `swarm leave` on a worker, and then `node rm`. */
  async leave(host: SimHost): Promise<void> {
    if (await host.leave()) await this.user.removeNode(host.nodeId, true);
  }

  #addHost({ name, nodeId, engine }: { name: string; nodeId: string; engine?: EmbeddedOptions }): SimHost {
    const clusterId = this.store.cluster?.id ?? "";
    const host = new SimHost(
      {
        ...{ name, address: addressOf(name), nodeId, clusterId, linkDelayMs: this.#options.linkDelayMs ?? 1 },
        engine: { ...defaultEngine, ...this.#options.engine, ...engine },
      },
      {
        clock: this.clock,
        random: this.#random.fork(name),
        log: this.#log,
        managers: {
          addresses: this.managers.addresses,
          accept: (to, ...rest) => this.managers.at(to)?.accept(...rest),
          isOpen: (address, way) => this.network.carriesBetween(name, this.managers.at(address)?.name ?? "", way),
          healed: () => this.#flushLinks(),
          own: () => this.managers.seenBy(name),
        },
        onDaemon: (event) => this.managers.daemonDid(name, event),
        stateChanged: ({ node }) => node && this.managers.roleIs(host, node.role),
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
    let happened = 0;
    for (const { store } of this.managers.all) happened += store?.revision ?? -1;
    for (const host of this.#hosts.values()) happened += host.engine.changes;
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

  /** Something was done that any host may feel for a while. */
  disturb(): void {
    for (const host of this.#hosts.values()) host.disturb();
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
    await this.eventually("the manager leads again", () => this.leading !== undefined, startMaxMs);
    this.#observer.checkNothingLost(this.store);
    this.#refuseViolations();
  }

  /** What a part calls an error is one; only a node that was removed may complain, and who lost its disk or leadership. */
  get #log(): Log {
    return watchedLog(this.#options.log ?? silentLog, (message, fields) => {
      const host = this.#hosts.get(String(fields["program"]));
      const isRemoved = host && (!host.isMember || !this.managers.store?.table("node").get(host.nodeId));
      if (!isRemoved && !isHonest.test(String(fields["error"])))
        this.checks.add("no part fails", `${message} ${JSON.stringify(fields)}`);
    });
  }

  #newManager(name: string): SimManager {
    const { raftSizes } = this.#options;
    return new SimManager(
      { name, address: `${addressOf(name)}:${managerPort}`, ...(raftSizes && { raftSizes }) },
      {
        ...{ clock: this.clock, log: this.#log, pki: this.#pki, lines: this.#lines },
        random: this.#random.fork(name === firstManager ? "manager" : `manager ${name}`),
        wallOffsetMs: () => this.#hosts.get(name)?.wallOffsetMs ?? 0,
        join: (from, request) => this.managers.askFor(from, ({ members }) => members.join(from.nodeId, request)),
        onStore: (store, signal) => this.#observer.follow(store, signal),
        onWritten: (written, view) => {
          this.trace.wrote(written);
          this.checks.written(written, view);
        },
        onApply: (revision, entry) => this.checks.applied(revision, entry),
        onSynced: () => this.trace.say("raft", name === firstManager ? "the log is synced" : `${name} has synced`),
        plant: this.#options.plant ?? ((_part, tx) => tx),
        onMachineDead: () => this.#hosts.get(name)?.powerOff(),
        onFatal: (error) => this.checks.add("the manager lives", messageOf(error)),
      },
    );
  }

  #flushLinks(): void {
    for (const { link } of this.#hosts.values()) link.flush();
  }

  /** Containers by the name of their task. */
  #shown(host: SimHost, what: string): string {
    return host.engine.machines.find(({ id }) => id === what)?.name ?? what;
  }

  /** Asks the checks when anything happened since the last time, and now and then for what only time breaks. */
  #look(): void {
    const nowMs = this.clock.monotonic();
    const { happened } = this;
    if (happened === this.#looked.happened && nowMs < this.#looked.atMs + lookMs) return;
    this.#looked = { happened, atMs: nowMs };
    const { store, leader } = this.managers;
    this.#lookAtLeaders(leader);
    this.checks.look(this.hosts, store, this.clock.now(), leader !== undefined);
  }

  /** Who begins to lead has all that was ever applied; nobody leads in another's term. */
  #lookAtLeaders(leader: SimManager | undefined): void {
    for (const { name, manager, leading } of this.managers.all) {
      if (manager && leading) this.checks.leads(name, manager.raftStatus.term);
    }
    const { term = 0, commit = 0, applied = 0 } = leader?.manager?.raftStatus ?? {};
    // Who was cut off may think for a while that it still leads; who has a slow disk applies its own writes after the others.
    if (!leader?.store || term <= this.#ledTerm || applied < commit) return;
    this.#ledTerm = term;
    this.#observer.checkNothingLost(leader.store);
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

const isHonest = /EIO|ENOSPC|does not lead the swarm|leadership was lost/;
