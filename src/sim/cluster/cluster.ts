// A whole swarm in one process, on virtual time, for whoever drives it: its machines, its user, and time that passes. Nothing in
// it is a stand-in but clock, disk, engine, line and certificates. After everything that happens the checks are asked; the
// first wait that ends with a violation fails.

import { type Log, silentLog } from "../../base/index.js";
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
import type { SimHost } from "./host.js";
import { Machines } from "./machines.js";
import type { SimManager } from "./manager.js";
import type { SimManagers } from "./managers.js";
import { addressOf, firstManager, type SimNetwork } from "./network.js";
import type { RaftLines } from "./raft-lines.js";
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

export class SimCluster {
  readonly clock = new VirtualClock();
  readonly checks: Checks;
  readonly trace: Trace;
  readonly user: User;
  readonly #machines: Machines;
  #joined = 0;
  #looked = { happened: -1, atMs: 0 };
  /** The latest term anybody led in. */
  #ledTerm = 0;

  private constructor(options: SimClusterOptions) {
    const { clock } = this;
    const { seed = 1, linkDelayMs = 1, raftSizes, isEncoded = false, isSilent = false } = options;
    this.checks = new Checks(() => clock.monotonic());
    this.trace = new Trace(() => clock.monotonic(), isSilent);
    this.#machines = new Machines(
      {
        ...{ engine: { ...defaultEngine, ...options.engine }, linkDelayMs, isEncoded, log: options.log ?? silentLog },
        ...{ plant: options.plant ?? ((_part, tx) => tx), ...(raftSizes && { raftSizes }) },
      },
      { clock, random: new SeededRandom(seed), checks: this.checks, trace: this.trace },
    );
    this.user = new User({ clock, ask: (request) => this.managers.askAny(request) });
  }

  /** A swarm whose hosts are all READY, and whose managers all vote. */
  static async start(options: SimClusterOptions = {}): Promise<SimCluster> {
    const cluster = new SimCluster(options);
    const { managers = 1, hosts = 3, areManagersHosts = managers > 1 } = options;
    await cluster.do(cluster.manager.init(NodeAvailability[areManagersHosts ? "ACTIVE" : "DRAIN"]));
    await cluster.eventually("the manager leads", () => cluster.manager.leading !== undefined, startMaxMs);
    const { nodeId } = cluster.manager;
    const clusterId = cluster.store.cluster?.id ?? "";
    if (areManagersHosts) cluster.#machines.addHost({ name: firstManager, nodeId, clusterId });
    for (let number = 2; number <= managers; number++)
      await cluster.do(cluster.join(`m${number}`, { role: "manager" }));
    for (let number = 1; number <= hosts; number++) await cluster.do(cluster.join(cluster.newHostName()));
    const areReady = (): boolean => cluster.hosts.every((host) => cluster.isReady(host.name));
    await cluster.eventually("all nodes are READY", areReady, startMaxMs);
    await cluster.eventually(`${managers} vote`, () => cluster.voters.length === managers, startMaxMs);
    return cluster;
  }

  get managers(): SimManagers {
    return this.#machines.managers;
  }

  get network(): SimNetwork {
    return this.#machines.network;
  }

  /** Between the managers. */
  get lines(): RaftLines {
    return this.#machines.lines;
  }

  /** Managers that refused to start with a flipped bit. */
  get refused(): number {
    return this.#machines.refused;
  }

  get hosts(): readonly SimHost[] {
    return this.#machines.hosts;
  }

  host(name: string): SimHost {
    const host = this.#machines.host(name);
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
    return this.managers.raftLeader?.manager?.membership.voters ?? [];
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
    const { nodeId, clusterId } = await this.user.join(name, addressOf(name), role);
    return this.#machines.addHost({ name, nodeId, clusterId }, engine);
  }

  /** `swarm leave` on a worker, and then `node rm`. */
  async leave(host: SimHost): Promise<void> {
    if (await host.leave()) await this.user.removeNode(host.nodeId, true);
  }

  /** Differs when a transaction was applied or a container changed since. */
  get happened(): number {
    return this.#machines.happened;
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

  /** A machine is gone for good, with all that was on it. */
  lose(name: string): void {
    this.#machines.lose(name);
  }

  /** Something was done that any host may feel for a while. */
  disturb(): void {
    for (const host of this.hosts) host.disturb();
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
    this.#machines.observer.checkNothingLost(this.store);
    this.#refuseViolations();
  }

  /** Somebody leads, by a clock that is right: on a slow one a leader that reaches nobody leads on, and can write no reason. */
  #isLedInTime(leader: string | undefined): boolean {
    const host = this.members.find(({ name }) => name === leader);
    return leader !== undefined && (host?.clock.isRight ?? true);
  }

  /** Asks the checks when anything happened since the last time, and now and then for what only time breaks. */
  #look(): void {
    const nowMs = this.clock.monotonic();
    const { happened } = this;
    if (happened === this.#looked.happened && nowMs < this.#looked.atMs + lookMs) return;
    this.#looked = { happened, atMs: nowMs };
    const { store, leader } = this.managers;
    this.#lookAtLeaders(leader);
    this.checks.look(this.hosts, store, this.#machines.moment, {
      isLed: leader !== undefined,
      inTime: this.#isLedInTime(leader?.name),
    });
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
    this.#machines.observer.checkNothingLost(leader.store);
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
