// The three ways to become a running member: a new swarm, a token, or what this node was before it stopped.

import { join } from "node:path";
import type { InitOptions, JoinOptions } from "../api/index.js";
import { type Clock, type Disk, type Log, type Metrics, messageOf, type Random, SwarmError } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import { createCluster, type Pki } from "../manager/ca/index.js";
import { Manager, type NewSwarm } from "../manager/index.js";
import { aesSealer, nextTurn } from "../raft/host/index.js";
import { LevelState } from "../worker/host/index.js";
import { adopt, joinSwarm, loadIdentity, type NodeIdentity } from "./identity/index.js";
import { isManager, Member } from "./member.js";
import { folders, type Membership, type State } from "./state.js";
import { settledWithin } from "./within.js";

/** A new swarm leads, and its first node is ready, within this. */
const initMs = 20_000;
/** An engine that is silent does not keep a swarm from being made. */
const initReadyMs = 5_000;
/** Length of the key the log and the snapshots are sealed with. */
const dataKeyBytes = 32;
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
    if (options.forceNewCluster) {
      throw new SwarmError("Unimplemented", "--force-new-cluster is not built yet: it comes with several managers");
    }
    const { random, clock, pki, disk } = this.#modules;
    const expiry = options.spec.ca?.nodeCertExpiry;
    const cluster = await createCluster(expiry ? { nodeExpiryMs: expiry.seconds * 1000 } : {}, { clock, random, pki });
    const identity = await adopt(cluster, this.#modules);
    await disk.replaceFile(folders.raftKey, random.bytes(dataKeyBytes));
    const membership: Membership = {
      ...{ format: 1, clusterId: cluster.clusterId, nodeId: cluster.nodeId, raftId: newRaftId(random) },
      ...{ listenAddr: options.listenAddr, advertiseAddr: options.advertiseAddr },
      ...{ dataPathAddr: options.dataPathAddr, managers: [options.advertiseAddr] },
    };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(initMs)]);
    const manager = await this.#startManager(membership, { ...options, cluster, hostname: this.#options.name });
    const member = await this.#startMember(membership, identity, manager);
    try {
      await manager.untilLeading(bounded);
      await settledWithin(this.#modules.clock, initReadyMs, member.untilConnected());
      return member;
    } catch (error) {
      await member.stop("silent");
      throw new SwarmError("Unavailable", `the new swarm did not come up: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Gets a certificate for the token; resolves when the node is a member, before its first session. */
  async join(options: JoinOptions, signal: AbortSignal): Promise<Member> {
    const { remoteAddrs, joinToken: token, availability, listenAddr, advertiseAddr, dataPathAddr } = options;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(joinMs)]);
    const asked = { remoteAddrs, token, availability, hostname: this.#options.name, signal: bounded };
    const { identity, managerAddr } = await joinSwarm(asked, this.#modules);
    const membership: Membership = {
      ...{ format: 1, clusterId: identity.clusterId, nodeId: identity.nodeId },
      ...{ listenAddr, advertiseAddr, dataPathAddr },
      managers: [managerAddr, ...remoteAddrs.filter((addr) => addr !== managerAddr)],
    };
    return this.#startMember(membership, identity, undefined);
  }

  /** Comes up as what this node was. */
  async resume(membership: Membership, signal: AbortSignal): Promise<Member> {
    const identity = await loadIdentity(this.#modules);
    signal.throwIfAborted();
    if (identity === undefined) {
      throw new SwarmError("FailedPrecondition", "the node's certificate is gone: leave the swarm and join again");
    }
    const manager = isManager(identity.role) ? await this.#startManager(membership, undefined) : undefined;
    return this.#startMember(membership, identity, manager);
  }

  async #startManager(membership: Membership, newSwarm: NewSwarm | undefined): Promise<Manager> {
    const { disk } = this.#modules;
    const key = await disk.readFile(folders.raftKey);
    if (key === undefined || membership.raftId === undefined) {
      throw new SwarmError("FailedPrecondition", `${folders.raftKey} is gone: put it back from a backup`);
    }
    const manager = new Manager(
      {
        ...{ nodeId: membership.nodeId, advertiseAddr: membership.advertiseAddr, raftId: membership.raftId, newSwarm },
        onFatal: this.#options.onFatal,
      },
      { ...this.#modules, sealer: aesSealer(key), nextTurn },
    );
    await manager.start();
    return manager;
  }

  async #startMember(membership: Membership, identity: NodeIdentity, manager: Manager | undefined): Promise<Member> {
    const { state } = this.#modules;
    const workerState = await LevelState.open(join(state.dataDir, folders.worker));
    try {
      return await Member.start(
        { membership, ...this.#options },
        {
          ...this.#modules,
          ...{ identity, manager, workerState },
          managersChanged: (managers) => this.#remember({ ...membership, managers }),
        },
      );
    } catch (error) {
      await workerState.close();
      await manager?.stop();
      throw error;
    }
  }

  #remember(membership: Membership): void {
    const { state, log } = this.#modules;
    state.setMembership(membership).catch((error: unknown) => {
      log.warn("cannot remember the managers", { error: messageOf(error) });
    });
  }
}

/** Raft ids are random in 1 … 2^52, never reused (architecture, "The model"). */
function newRaftId(random: Random): number {
  const bytes = random.bytes(7);
  return 1 + (bytes.reduce((sum, byte) => sum * 256 + byte, 0) % 2 ** 52);
}
