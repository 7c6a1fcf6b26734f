// The three ways to become a running member: a new swarm, a token, or what this node was before it stopped.

import { join } from "node:path";
import type { InitOptions, JoinOptions } from "../api/index.js";
import { type Clock, type Disk, type Log, type Metrics, messageOf, type Random, SwarmError } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import { createCluster, type Pki } from "../manager/ca/index.js";
import { aesSealer } from "../raft/host/index.js";
import type { ForwardHandler } from "../rpc/index.js";
import { LevelState } from "../worker/host/index.js";
import { hostOf } from "./address.js";
import { Connector } from "./connector.js";
import { adopt, joinSwarm, loadIdentity, type NodeIdentity } from "./identity/index.js";
import { type Beginning, ManagerPart } from "./managing/index.js";
import { isManager, Member } from "./member.js";
import { MembershipRecord } from "./record.js";
import { folders, type Membership, type State } from "./state.js";
import { settledWithin } from "./within.js";

/** A new swarm leads, and its first node is ready, within this. */
const initMs = 20_000;
/** An engine that is silent does not keep a swarm from being made. */
const initReadyMs = 5_000;
/** docker-api.md §1.1: how long a joiner asks for its certificate. */
const joinMs = 20_000;

export interface MemberStarterOptions {
  readonly name: string;
  readonly version: string;
  readonly bootId: string;
  /** Called when the daemon can go on no more. */
  readonly onFatal: (error: Error) => void;
}

export interface MemberStarterModules {
  readonly state: State;
  /** The data folder. */
  readonly disk: Disk;
  readonly engine: Engine;
  readonly pki: Pki;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Answers a request of the API that another manager was asked. */
  readonly answer: ForwardHandler;
}

export class MemberStarter {
  readonly #options: MemberStarterOptions;
  readonly #modules: MemberStarterModules;

  constructor(options: MemberStarterOptions, modules: MemberStarterModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Makes a swarm whose first manager is this node; resolves when it leads and has a session with itself. */
  async init(options: InitOptions, signal: AbortSignal): Promise<Member> {
    const { random, clock, pki } = this.#modules;
    const expiry = options.spec.ca?.nodeCertExpiry;
    const cluster = await createCluster(expiry ? { nodeExpiryMs: expiry.seconds * 1000 } : {}, { clock, random, pki });
    const identity = await adopt(cluster, this.#modules);
    const { listenAddr, advertiseAddr, dataPathAddr } = options;
    const record = this.#recordOf({
      ...{ format: 1, clusterId: cluster.clusterId, nodeId: cluster.nodeId },
      ...{ listenAddr, advertiseAddr, dataPathAddr, managers: [advertiseAddr] },
    });
    const newSwarm = { ...options, cluster, hostname: this.#options.name };
    return this.#lead(record, identity, { kind: "new swarm", newSwarm }, signal);
  }

  /** Goes on with a manager's state as the only manager there is; resolves when it leads. */
  async forceNewCluster(membership: Membership, options: InitOptions, signal: AbortSignal): Promise<Member> {
    const { listenAddr, advertiseAddr, dataPathAddr } = options;
    const addresses = { listenAddr, advertiseAddr, dataPathAddr };
    const record = this.#recordOf({ ...membership, ...addresses, managers: [advertiseAddr], peers: [] });
    return this.#lead(record, await this.#identity(), { kind: "forced" }, signal);
  }

  /** Gets a certificate for the token; resolves when the node is a member, before its first session. */
  async join(options: JoinOptions, signal: AbortSignal): Promise<Member> {
    const { remoteAddrs, joinToken: token, availability, listenAddr, advertiseAddr, dataPathAddr } = options;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(joinMs)]);
    const asked = { remoteAddrs, token, availability, hostname: this.#options.name, signal: bounded };
    const { identity, managerAddr } = await joinSwarm(asked, this.#modules);
    const record = this.#recordOf({
      ...{ format: 1, clusterId: identity.clusterId, nodeId: identity.nodeId },
      ...{ listenAddr, advertiseAddr, dataPathAddr },
      managers: [managerAddr, ...remoteAddrs.filter((addr) => addr !== managerAddr)],
    });
    // From here on it is a member, whatever happens: a crash goes on where it was.
    await record.write();
    const parts = this.#partsOf(record, identity);
    if (isManager(identity.role)) await parts.part.begin(undefined, signal);
    return this.#startMember(parts);
  }

  /** Comes up as what this node was. A manager whose part does not come up is a worker meanwhile, if there are others. */
  async resume(membership: Membership, signal: AbortSignal): Promise<Member> {
    const identity = await this.#identity();
    signal.throwIfAborted();
    const parts = this.#partsOf(this.#recordOf(membership), identity);
    const { part, connector } = parts;
    if (isManager(identity.role)) {
      try {
        await part.begin(undefined, signal);
      } catch (error) {
        const others = connector.managers.filter((addr) => addr !== membership.advertiseAddr);
        if (signal.aborted || others.length === 0) throw error;
        part.broke(error);
      }
    }
    return this.#startMember(parts);
  }

  /** The first, or the only manager there is. Nothing runs when it rejects. */
  async #lead(
    record: MembershipRecord,
    identity: NodeIdentity,
    beginning: Beginning,
    signal: AbortSignal,
  ): Promise<Member> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(initMs)]);
    const parts = this.#partsOf(record, identity);
    const { manager } = await parts.part.begin(beginning, bounded);
    const member = await this.#startMember(parts);
    try {
      await manager.untilLeading(bounded);
      await settledWithin(this.#modules.clock, initReadyMs, member.untilConnected());
      return member;
    } catch (error) {
      await member.stop();
      throw new SwarmError("Unavailable", `the new swarm did not come up: ${messageOf(error)}`, { cause: error });
    }
  }

  async #identity(): Promise<NodeIdentity> {
    const identity = await loadIdentity(this.#modules);
    if (identity) return identity;
    throw new SwarmError("FailedPrecondition", "the node's certificate is gone: leave the swarm and join again");
  }

  #recordOf(membership: Membership): MembershipRecord {
    return new MembershipRecord(this.#modules.state, membership);
  }

  /** What a membership consists of, each knowing the others. */
  #partsOf(record: MembershipRecord, identity: NodeIdentity): Parts {
    const { clock, log } = this.#modules;
    const manager = () => part.managing?.manager;
    const connector = new Connector(record.current.managers, {
      clock,
      credentials: () => identity.current,
      local: () => {
        const leading = manager()?.leading;
        return leading && { dispatcher: leading.dispatcher, address: hostOf(record.current.advertiseAddr) };
      },
      own: () => ({
        addr: part.state === "no" ? "" : record.current.advertiseAddr,
        leaderAddr: manager()?.leaderAddr() ?? "",
      }),
      changed: (managers) => {
        record
          .change((membership) => ({ ...membership, managers }))
          .catch((error: unknown) => {
            log.warn("cannot remember the managers", { error: messageOf(error) });
          });
      },
    });
    const part: ManagerPart = new ManagerPart({
      ...this.#modules,
      ...{ record, identity, onFatal: this.#options.onFatal, sealerOf: aesSealer },
      managers: () => connector.managers,
    });
    return { record, identity, connector, part };
  }

  async #startMember(parts: Parts): Promise<Member> {
    const { state } = this.#modules;
    try {
      const workerState = await LevelState.open(join(state.dataDir, folders.worker));
      const member = new Member(this.#options, { ...this.#modules, ...parts, workerState });
      member.start();
      return member;
    } catch (error) {
      await parts.part.stop();
      throw error;
    }
  }
}

interface Parts {
  readonly record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly connector: Connector;
  readonly part: ManagerPart;
}
