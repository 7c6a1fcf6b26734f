// The ways to become a running member: a new swarm, a backup of one, a token, or what this node was before it stopped.

import { join } from "node:path";
import type { InitOptions, JoinOptions, RestoreOptions } from "../api/index.js";
import { type Clock, type Disk, type Log, type Metrics, messageOf, type Random, SwarmError } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import { createCluster, type Pki, parseUnlockKey, recreateCluster } from "../manager/ca/index.js";
import { readBackup, restoredSnapshot } from "../manager/index.js";
import { seedMember } from "../raft/index.js";
import type { ForwardHandler } from "../rpc/index.js";
import { LevelState } from "../worker/host/index.js";
import { hostOf } from "./address.js";
import { Connector } from "./connector.js";
import { sha256 } from "./digest.js";
import { adopt, joinSwarm, loadIdentity, type NodeIdentity } from "./identity/index.js";
import { KeyRing, sealerFor } from "./keys/index.js";
import { LeaderNews } from "./leader-news.js";
import { type Beginning, ManagerPart, newRaftId } from "./managing/index.js";
import { isManager, Member } from "./member.js";
import { MembershipRecord, moved } from "./record.js";
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
  /** Where other nodes reach this one, if it is not where it was. */
  readonly advertiseAddr?: { readonly host: string; readonly port: number } | undefined;
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
  /** Of every member it starts: who leads may be another than it was. */
  readonly leaderNews = new LeaderNews();
  readonly #options: MemberStarterOptions;
  readonly #modules: MemberStarterModules;
  /** Once opened, they stay open for as long as the daemon lives. */
  #ring: KeyRing | undefined;

  constructor(options: MemberStarterOptions, modules: MemberStarterModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Makes a swarm whose first manager is this node; resolves when it leads and has a session with itself. */
  async init(options: InitOptions, signal: AbortSignal): Promise<Member> {
    const { random, clock, pki } = this.#modules;
    const expiry = options.spec.ca?.nodeCertExpiry;
    const cluster = await createCluster(
      { ...(expiry && { nodeExpiryMs: expiry.seconds * 1000 }), autoLock: options.spec.encryption?.autoLockManagers },
      { clock, random, pki },
    );
    const ring = this.#newRing();
    await ring.create(cluster.unlockKey);
    const identity = await adopt(cluster, { ...this.#modules, keyAtRest: ring });
    const { listenAddr, advertiseAddr, dataPathAddr } = options;
    const record = this.#recordOf({
      ...{ format: 1, clusterId: cluster.clusterId, nodeId: cluster.nodeId },
      ...{ listenAddr, advertiseAddr, dataPathAddr, managers: [advertiseAddr] },
    });
    const newSwarm = { ...options, cluster, hostname: this.#options.name };
    return this.#lead({ record, identity, ring }, { kind: "new swarm", newSwarm }, signal);
  }

  /** Goes on with a manager's state as the only manager there is; resolves when it leads. */
  async forceNewCluster(membership: Membership, options: InitOptions, signal: AbortSignal): Promise<Member> {
    // What is not given stays as it was.
    const advertiseAddr = options.advertiseAddr || membership.advertiseAddr;
    const listenAddr = options.listenAddr || membership.listenAddr;
    const dataPathAddr = options.dataPathAddr || membership.dataPathAddr;
    const addresses = { listenAddr, advertiseAddr, dataPathAddr };
    const others = { managers: [advertiseAddr], peers: [], isForcing: true };
    const record = this.#recordOf({ ...membership, ...addresses, ...others });
    const stored = await this.#stored();
    // A crash from here on goes on where it was: half forced, the others would be let in again.
    await record.write();
    return this.#lead({ record, ...stored }, undefined, signal);
  }

  /**
   * Makes the swarm of a backup again, with this node as its only manager; resolves when it leads. Nothing is touched before
   * the backup has been read to its end.
   */
  async restore(options: RestoreOptions, backup: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Member> {
    const { disk, log, random } = this.#modules;
    const { unlockKey, listenAddr, advertiseAddr, dataPathAddr } = options;
    const sealer = unlockKey === undefined ? undefined : sealerFor("backup", parseUnlockKey(unlockKey));
    const read = await readBackup(backup, { ...this.#modules, newDigest: sha256, sealer });
    const { clusterId, nodeId } = read.header;
    const cluster = await recreateCluster(read.cluster, nodeId, this.#modules);
    signal.throwIfAborted();
    const ring = this.#newRing();
    await ring.create(cluster.unlockKey);
    const identity = await adopt(cluster, { ...this.#modules, keyAtRest: ring });
    const raftId = newRaftId(random);
    const manager = { raftId, addr: advertiseAddr, certificate: cluster.nodeCertificate };
    const seed = { disk, log, sealer: ring.managerKeys.newSealer() };
    await seedMember({ id: raftId, folder: folders.raft }, seed, await restoredSnapshot(read, manager));
    const record = this.#recordOf({
      ...{ format: 1, clusterId, nodeId, raftId },
      ...{ listenAddr, advertiseAddr, dataPathAddr, managers: [advertiseAddr] },
    });
    return this.#lead({ record, identity, ring }, undefined, signal);
  }

  /** Gets a certificate for the token; resolves when the node is a member, before its first session. */
  async join(options: JoinOptions, signal: AbortSignal): Promise<Member> {
    const { remoteAddrs, joinToken: token, availability, listenAddr, advertiseAddr, dataPathAddr } = options;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(joinMs)]);
    const asked = { remoteAddrs, token, availability, hostname: this.#options.name, signal: bounded };
    const ring = this.#newRing();
    const { identity, managerAddr } = await joinSwarm(asked, { ...this.#modules, keyAtRest: ring });
    const record = this.#recordOf({
      ...{ format: 1, clusterId: identity.clusterId, nodeId: identity.nodeId },
      ...{ listenAddr, advertiseAddr, dataPathAddr },
      managers: [managerAddr, ...remoteAddrs.filter((addr) => addr !== managerAddr)],
    });
    // From here on it is a member, whatever happens: a crash goes on where it was.
    await record.write();
    const parts = this.#partsOf({ record, identity, ring });
    if (isManager(identity.role)) await parts.part.begin(undefined, signal);
    return this.#startMember(parts);
  }

  /** Comes up as what this node was. A manager whose part does not come up is a worker meanwhile, if there are others. */
  async resume(membership: Membership, signal: AbortSignal): Promise<Member> {
    // What a crash left of giving up a manager: a worker has no keys that could be locked.
    if (membership.raftId === undefined) await this.#modules.state.removeManager();
    const { identity, ring } = await this.#stored();
    signal.throwIfAborted();
    const record = this.#recordOf(membership);
    const { advertiseAddr } = this.#options;
    if (advertiseAddr) await record.change((known) => moved(known, advertiseAddr));
    const parts = this.#partsOf({ record, identity, ring });
    const { part, connector } = parts;
    if (isManager(identity.role)) {
      try {
        await part.begin(undefined, signal);
      } catch (error) {
        const others = connector.managers.filter((addr) => addr !== record.current.advertiseAddr);
        if (signal.aborted || others.length === 0) throw error;
        part.broke(error);
      }
    }
    return this.#startMember(parts);
  }

  /** The first, or the only manager there is. Nothing runs when it rejects. */
  async #lead(belongings: Belongings, beginning: Beginning, signal: AbortSignal): Promise<Member> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(initMs)]);
    const parts = this.#partsOf(belongings);
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

  /** Opens the keys of a locked node for this life of the daemon; rejects with Unauthenticated, and nothing has changed. */
  async unlock(unlockKey: Uint8Array): Promise<void> {
    this.#ring = await KeyRing.open(unlockKey, this.#modules);
  }

  /** The node is of no swarm any more. */
  forget(): void {
    this.#ring = undefined;
  }

  /** What the data folder has. Rejects with NodeLockedError when it needs an unlock key first. */
  async #stored(): Promise<{ readonly ring: KeyRing; readonly identity: NodeIdentity }> {
    this.#ring ??= await KeyRing.open(undefined, this.#modules);
    const ring = this.#ring;
    const identity = await loadIdentity({ ...this.#modules, keyAtRest: ring });
    if (identity) return { ring, identity };
    throw new SwarmError("FailedPrecondition", "the node's certificate is gone: leave the swarm and join again");
  }

  #newRing(): KeyRing {
    this.#ring = new KeyRing(undefined, this.#modules);
    return this.#ring;
  }

  #recordOf(membership: Membership): MembershipRecord {
    return new MembershipRecord(this.#modules.state, membership);
  }

  /** What a membership consists of, each knowing the others. */
  #partsOf({ record, identity, ring }: Belongings): Parts {
    const { clock, random, log } = this.#modules;
    const manager = () => part.managing?.manager;
    const connector = new Connector(record.current.managers, {
      ...{ clock, random },
      credentials: () => identity.current,
      local: () => {
        const leading = manager()?.leading;
        if (leading === undefined) return undefined;
        const { dispatcher, logs } = leading;
        return { dispatcher, logs, address: hostOf(record.current.advertiseAddr) };
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
      ...{ record, identity, ring, onFatal: this.#options.onFatal, leaderNews: this.leaderNews },
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

/** What a node has of its membership on disk. */
interface Belongings {
  readonly record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly ring: KeyRing;
}

interface Parts {
  readonly record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly connector: Connector;
  readonly part: ManagerPart;
}
