// One membership while it runs: the worker always, and while the node is a manager the manager part. Which of both it is
// follows the certificate, and the certificate what the leader says of the node's role.

import type { NodeState } from "../api/index.js";
import { type Clock, type Log, type Metrics, messageOf, type Random, Scope, SwarmError } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import type { SessionState } from "../gen/skep/v1/dispatcher.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import type { Control } from "../manager/control/index.js";
import type { Manager } from "../manager/index.js";
import { type LocalState, Worker } from "../worker/index.js";
import { hostOf } from "./address.js";
import type { Connector } from "./connector.js";
import type { Issuers, NodeIdentity } from "./identity/index.js";
import type { ManagerPart } from "./managing/index.js";
import type { MembershipRecord } from "./record.js";
import { RoleWish } from "./role-wish.js";
import type { Membership } from "./state.js";
import { settledWithin } from "./within.js";

/** How long a leader is waited for when saying goodbye. */
const goodbyeMs = 2_000;
/** How long another manager is waited for that takes over. */
const handOverMs = 1_000;
/** How long the containers of a node that leaves may take to stop. */
const removeMs = 60_000;
/** A manager that leaves asks the others this long to count it out. */
const leaveMs = 5_000;

export interface MemberOptions {
  readonly bootId: string;
  readonly name: string;
  readonly version: string;
}

export interface MemberModules {
  readonly record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly connector: Connector;
  /** Has begun already, if the node is a manager. */
  readonly part: ManagerPart;
  readonly engine: Engine;
  readonly workerState: LocalState & { close(): Promise<void> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The format level this daemon reads (architecture, "Formats"). */
const level = 1;

export class Member {
  readonly #modules: MemberModules;
  readonly #worker: Worker;
  readonly #roleWish: RoleWish;
  readonly #scope: Scope;
  readonly #endListeners: ((error: Error) => void)[] = [];
  #state: SessionState | undefined;
  #isLeaving = false;
  #connected: () => void = () => {};
  readonly #untilConnected = new Promise<void>((resolve) => {
    this.#connected = resolve;
  });

  constructor(options: MemberOptions, modules: MemberModules) {
    this.#modules = modules;
    const { log, identity, part } = modules;
    this.#scope = new Scope(log, (component, error) => this.#ended(new Error(`${component}: ${messageOf(error)}`)));
    this.#worker = this.#newWorker(options);
    this.#roleWish = this.#newRoleWish();
    part.onFailure(() => this.#worker.factsChanged());
    identity.onChange(() => {
      this.#worker.factsChanged();
      this.#roleWish.look();
      if (!this.#isLeaving) part.become(isManager(identity.role));
    });
  }

  /** Lets the worker look for its leader. */
  start(): void {
    const { identity, part } = this.#modules;
    this.#scope.start("worker", (signal) => this.#worker.run(signal));
    this.#scope.start("certificate renewal", (signal) => identity.run(this.#issuers, signal));
    this.#scope.start("manager part", (signal) => part.run(signal));
  }

  get membership(): Membership {
    return this.#modules.record.current;
  }

  get part(): ManagerPart {
    return this.#modules.part;
  }

  get manager(): Manager | undefined {
    return this.#modules.part.managing?.manager;
  }

  /** True while a leader counts this node in. */
  get isConnected(): boolean {
    return this.#worker.isConnected;
  }

  get identity(): NodeIdentity {
    return this.#modules.identity;
  }

  /** Resolves after the first session. */
  untilConnected(): Promise<void> {
    return this.#untilConnected;
  }

  /** Told when the membership ended by itself: removed from the swarm, or a part is broken. */
  onEnd(listener: (error: Error) => void): void {
    this.#endListeners.push(listener);
  }

  control(): Control | undefined {
    return this.manager?.leading?.control;
  }

  state(): NodeState {
    const { nodeId, advertiseAddr } = this.membership;
    const known = this.#state?.managers ?? [];
    const nodeAddr = hostOf(advertiseAddr) || (this.#state?.node?.status?.addr ?? "");
    const addrs = this.#modules.connector.managers;
    const managers = known.length > 0 ? known : addrs.map((addr) => ({ nodeId: "", addr }));
    const { state: manager, failure } = this.part;
    const error = failure === undefined ? {} : { error: `the manager on this node is broken: ${failure}` };
    return { local: "active", nodeId, nodeAddr, manager, managers, ...error };
  }

  /** Says why the node goes, and hands leadership on: from then on others answer. Before `stop`. */
  async retire(how: "restarting" | "leaving"): Promise<void> {
    await this.#goodbye(how);
    const { manager } = this;
    if (manager) await settledWithin(this.#modules.clock, handOverMs, manager.handOver());
  }

  /** Ends everything; nobody is told. Containers run on. */
  async stop(): Promise<void> {
    this.#roleWish.end();
    await this.#scope.stop("the daemon is stopping");
    await this.#worker.flushed();
    await this.part.stop();
    await this.#modules.record.close();
    await this.#modules.workerState.close();
  }

  /**
   * A manager leaves the consensus first; rejects when the others cannot agree to that, unless `force`d. Then the node says
   * so, stops and removes its containers, and ends.
   */
  async leave(force: boolean): Promise<void> {
    this.#isLeaving = true;
    try {
      await this.#leaveConsensus();
    } catch (error) {
      this.#isLeaving = force;
      if (!force) throw error;
      this.#modules.log.warn("the managers were not told that this one goes", { error: messageOf(error) });
    }
    await this.#goodbye("leaving");
    await this.#worker.removeAll(AbortSignal.timeout(removeMs)).catch((error: unknown) => {
      this.#modules.log.warn("not all containers could be removed", { error: messageOf(error) });
    });
    await this.stop();
  }

  async #leaveConsensus(): Promise<void> {
    const { managing } = this.part;
    if (managing === undefined || managing.isAlone) return;
    await managing.leave(AbortSignal.timeout(leaveMs));
  }

  async #goodbye(how: "restarting" | "leaving"): Promise<void> {
    const said = how === "restarting" ? this.#worker.restarting() : this.#worker.leaving();
    await settledWithin(this.#modules.clock, goodbyeMs, said);
  }

  #newWorker({ bootId, name, version }: MemberOptions): Worker {
    const { engine, workerState: state, clock, random, log, metrics, identity, connector } = this.#modules;
    const { nodeId, clusterId, advertiseAddr } = this.membership;
    return new Worker(
      { nodeId, clusterId, bootId, advertiseAddr: advertiseAddr === "" ? "" : hostOf(advertiseAddr) },
      {
        ...{ engine, state, clock, random, log, metrics },
        connect: (signal, patience) => connector.connect(signal, patience),
        daemonFacts: () => ({
          ...{ name, skepVersion: version, level, tlsInfo: identity.tlsInfo, managerError: this.part.failure },
        }),
        stateChanged: (next) => this.#stateChanged(next),
        leaderIs: (addr) => connector.leaderIs(addr),
        removed: (message) => this.#ended(new SwarmError("PermissionDenied", message)),
      },
    );
  }

  /** Another role: a certificate for it, and with that the manager part begins or ends. */
  #newRoleWish(): RoleWish {
    const { identity, clock, log } = this.#modules;
    return new RoleWish({
      ...{ clock, held: () => identity.role },
      wanted: () => (this.#isLeaving ? undefined : this.#state?.node?.role),
      ask: (role) => {
        log.info("this node has another role", { role: isManager(role) ? "manager" : "worker" });
        identity.renewSoon();
      },
    });
  }

  #stateChanged(state: SessionState): void {
    this.#state = state;
    this.#modules.connector.managersAre(state.managers);
    this.#connected();
    this.#roleWish.look();
  }

  /** Who can renew this node's certificate. */
  get #issuers(): Issuers {
    return { local: () => this.manager?.leading?.ca, managers: () => this.#modules.connector.managers };
  }

  #ended(error: Error): void {
    for (const listener of this.#endListeners) listener(error);
  }
}

/** True for the role that runs a manager. */
export function isManager(role: NodeRole): boolean {
  return role === NodeRole.MANAGER;
}
