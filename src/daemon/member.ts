// One membership while it runs: the worker always, and on a manager the manager and the port other nodes call.

import type { NodeState } from "../api/index.js";
import { type Clock, type Log, type Metrics, messageOf, type Random, Scope, SwarmError } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import type { SessionState } from "../gen/skep/v1/dispatcher.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import { RemovedNodes } from "../manager/ca/index.js";
import type { Control } from "../manager/control/index.js";
import type { Manager } from "../manager/index.js";
import { caBinding, dispatcherBinding, type ManagerCalls, RpcServer } from "../rpc/index.js";
import { type LocalState, Worker } from "../worker/index.js";
import { Connector } from "./connector.js";
import type { Issuers, NodeIdentity } from "./identity/index.js";
import type { Membership } from "./state.js";
import { settledWithin } from "./within.js";

/** How long a leader is waited for when saying goodbye. */
const goodbyeMs = 2_000;
/** How long the containers of a node that leaves may take to stop. */
const removeMs = 60_000;

export interface MemberOptions {
  readonly membership: Membership;
  readonly bootId: string;
  readonly name: string;
  readonly version: string;
}

export interface MemberModules {
  readonly identity: NodeIdentity;
  /** Present on a manager; already started. */
  readonly manager: Manager | undefined;
  readonly engine: Engine;
  readonly workerState: LocalState & { close(): Promise<void> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The managers this node knows changed. */
  readonly managersChanged: (addrs: readonly string[]) => void;
}

/** The format level this daemon reads (architecture, "Formats"). */
const level = 1;

export class Member {
  readonly membership: Membership;
  readonly #modules: MemberModules;
  readonly #worker: Worker;
  readonly #connector: Connector;
  readonly #server: RpcServer | undefined;
  readonly #scope: Scope;
  readonly #endListeners: ((error: Error) => void)[] = [];
  #state: SessionState | undefined;
  #connected: () => void = () => {};
  readonly #untilConnected = new Promise<void>((resolve) => {
    this.#connected = resolve;
  });

  private constructor(options: MemberOptions, modules: MemberModules) {
    this.membership = options.membership;
    this.#modules = modules;
    const { log, identity, manager } = modules;
    this.#scope = new Scope(log, (component, error) => this.#ended(new Error(`${component}: ${messageOf(error)}`)));
    this.#connector = new Connector(options.membership.managers, {
      clock: modules.clock,
      credentials: () => identity.current,
      local: () => this.#local(),
      own: () => ({ addr: manager ? options.membership.advertiseAddr : "", leaderAddr: "" }),
      changed: modules.managersChanged,
    });
    this.#server = manager && this.#newServer(manager);
    this.#worker = this.#newWorker(options);
    identity.onChange(() => this.#worker.factsChanged());
  }

  /** Binds the port, then lets the worker look for its leader. Rejects with why the port cannot be bound. */
  static async start(options: MemberOptions, modules: MemberModules): Promise<Member> {
    const member = new Member(options, modules);
    await member.#server?.listen();
    member.#scope.start("worker", (signal) => member.#worker.run(signal));
    member.#scope.start("certificate renewal", (signal) => modules.identity.run(member.#issuers, signal));
    return member;
  }

  get manager(): Manager | undefined {
    return this.#modules.manager;
  }

  /** True while a leader counts this node in. */
  get isConnected(): boolean {
    return this.#worker.isConnected;
  }

  get isEngineSilent(): boolean {
    return this.#worker.isEngineSilent;
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
    const managers = known.length > 0 ? known : this.#connector.managers.map((addr) => ({ nodeId: "", addr }));
    const own = this.manager === undefined ? "no" : this.manager.leading === undefined ? "starting" : "ready";
    return { local: "active", nodeId, nodeAddr, manager: own, managers };
  }

  /**
   * `restarting`: the leader keeps the tasks for a while. `leaving`: it replaces them at once. `silent`: nobody is told.
   * Containers run on in all three.
   */
  async stop(how: "restarting" | "leaving" | "silent"): Promise<void> {
    if (how !== "silent") await this.#goodbye(how);
    await this.#scope.stop("the daemon is stopping");
    await this.#worker.flushed();
    await this.#server?.close();
    await this.manager?.stop();
    await this.#modules.workerState.close();
  }

  /** Says so, stops and removes the node's containers, and ends. */
  async leave(): Promise<void> {
    await this.#goodbye("leaving");
    await this.#worker.removeAll(AbortSignal.timeout(removeMs)).catch((error: unknown) => {
      this.#modules.log.warn("not all containers could be removed", { error: messageOf(error) });
    });
    await this.stop("silent");
  }

  async #goodbye(how: "restarting" | "leaving"): Promise<void> {
    const said = how === "restarting" ? this.#worker.restarting() : this.#worker.leaving();
    await settledWithin(this.#modules.clock, goodbyeMs, said);
  }

  #newServer(manager: Manager): RpcServer {
    const { identity, clock, log, metrics } = this.#modules;
    const calls: ManagerCalls = {
      root: () => manager.store.cluster?.rootCa?.certificate ?? identity.current.root,
      leader: () => manager.leading,
      leaderAddr: () => "",
    };
    const { host, port } = splitAddress(this.membership.listenAddr);
    const removed = new RemovedNodes(manager.store);
    return new RpcServer(
      { host, port },
      {
        ...{ identity, clock, log, metrics },
        bindings: [caBinding(calls, log), dispatcherBinding(calls, log)],
        isRemoved: (nodeId) => removed.has(nodeId),
      },
    );
  }

  #newWorker({ membership, bootId, name, version }: MemberOptions): Worker {
    const { engine, workerState: state, clock, random, log, metrics, identity } = this.#modules;
    const { nodeId, clusterId, advertiseAddr } = membership;
    return new Worker(
      { nodeId, clusterId, bootId, advertiseAddr: advertiseAddr === "" ? "" : hostOf(advertiseAddr) },
      {
        ...{ engine, state, clock, random, log, metrics },
        connect: (signal) => this.#connector.connect(signal),
        daemonFacts: () => ({ name, skepVersion: version, level, tlsInfo: identity.tlsInfo }),
        stateChanged: (next) => this.#stateChanged(next),
        leaderIs: (addr) => this.#connector.leaderIs(addr),
        removed: (message) => this.#ended(new SwarmError("PermissionDenied", message)),
      },
    );
  }

  #stateChanged(state: SessionState): void {
    this.#state = state;
    this.#connector.managersAre(state.managers);
    this.#connected();
  }

  /** Who can renew this node's certificate. */
  get #issuers(): Issuers {
    return { local: () => this.manager?.leading?.ca, managers: () => this.#connector.managers };
  }

  #local() {
    const leading = this.manager?.leading;
    return leading && { dispatcher: leading.dispatcher, address: hostOf(this.membership.advertiseAddr) };
  }

  #ended(error: Error): void {
    for (const listener of this.#endListeners) listener(error);
  }
}

/** True for the role that runs a manager. */
export function isManager(role: NodeRole): boolean {
  return role === NodeRole.MANAGER;
}

/** `10.0.0.1` of `10.0.0.1:2377`, `fd00::1` of `[fd00::1]:2377`. */
function hostOf(address: string): string {
  return splitAddress(address).host;
}

function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(at + 1)) };
}
