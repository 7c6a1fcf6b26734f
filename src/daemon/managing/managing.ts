// One life of this node's manager: the consensus and all it decides, the links to the other managers, and the one port that
// other nodes call.

import { messageOf, Scope, SwarmError, sleep } from "../../base/index.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import { RemovedNodes } from "../../manager/ca/index.js";
import { Manager, type ManagerModules, type NewSwarm } from "../../manager/index.js";
import { atOnce, nextTurn } from "../../raft/host/index.js";
import {
  caBinding,
  dispatcherBinding,
  type ForwardHandler,
  forwardBinding,
  joinMembers,
  LeaderLink,
  leaveMembers,
  logsBinding,
  type ManagerCalls,
  membersBinding,
  type RaftCalls,
  RaftLinks,
  RpcServer,
  raftBinding,
} from "../../rpc/index.js";
import { splitAddress } from "../address.js";
import type { NodeIdentity } from "../identity/index.js";
import { KeyKeeper, type NodeKeys } from "../keys/index.js";
import type { LeaderNews } from "../leader-news.js";
import { begun, forced, type MembershipRecord } from "../record.js";
import { announce, type Standing } from "./announce.js";
import { LeaderLinks } from "./leader-links.js";

/** One manager's answer to a wish to join or leave is waited for this long; then the next is asked. */
const askMs = 3_000;
/** Between two tries to leave. */
const leaveRetryMs = 50;

/** How the first start of a manager differs from all others. */
export type Beginning = { readonly kind: "new swarm"; readonly newSwarm: NewSwarm } | undefined;

export interface ManagingOptions {
  readonly beginning: Beginning;
  /** It can go on no more. */
  readonly onFatal: (error: Error) => void;
  /** The others removed it from the consensus for good. */
  readonly onReplaced: (by: string | undefined) => void;
}

export interface ManagingModules extends Omit<ManagerModules, "transport" | "nextTurn" | "atOnce" | "sealer"> {
  readonly record: MembershipRecord;
  readonly identity: NodeIdentity;
  /** What the log and the snapshots are sealed with. */
  readonly keys: NodeKeys;
  /** Answers a request of the API that another manager was asked. */
  readonly answer: ForwardHandler;
  /** Told when another may lead. */
  readonly leaderNews: LeaderNews;
}

export class Managing {
  readonly manager: Manager;
  /** To the others, for requests that the leader answers. */
  readonly leaderLinks: LeaderLinks;
  readonly #modules: ManagingModules;
  readonly #raftId: number;
  readonly #links: RaftLinks;
  readonly #server: RpcServer;
  readonly #scope: Scope;
  #leaderSeenMs: number;
  /** host:port of a member that says that this one was removed. */
  #removedBy: string | undefined;

  private constructor(options: ManagingOptions, modules: ManagingModules) {
    this.#modules = modules;
    const { record, identity, clock, log } = modules;
    const { raftId } = record.current;
    if (raftId === undefined) throw new SwarmError("FailedPrecondition", "this node has no place in the consensus");
    this.#raftId = raftId;
    this.#leaderSeenMs = clock.monotonic();
    this.#links = this.#newLinks();
    this.manager = this.#newManager(options);
    this.leaderLinks = new LeaderLinks({
      clock,
      addrs: () => this.#others.flatMap((id) => this.manager.addressOf(id) ?? []),
      newLink: () => new LeaderLink({}, { credentials: () => identity.current, clock, log }),
    });
    this.#server = this.#newServer();
    this.#scope = new Scope(log, (component, error) => options.onFatal(new Error(`${component}: ${messageOf(error)}`)));
  }

  /** Binds the port, then loads the log. Rejects with why it cannot, and leaves nothing open. */
  static async start(options: ManagingOptions, modules: ManagingModules): Promise<Managing> {
    const managing = new Managing(options, modules);
    try {
      await managing.#server.listen();
      await managing.manager.start();
      await modules.keys.forgetUnused();
      if (modules.record.current.isJoining) await modules.record.change(begun);
      managing.#scope.start("node keys", (signal) => managing.#newKeyKeeper().run(signal));
      managing.#scope.start("membership", (signal) => managing.#belong(options.onReplaced, signal));
      return managing;
    } catch (error) {
      await managing.stop();
      throw error;
    }
  }

  /** It votes, or votes in what its log says: then it can answer for the swarm. */
  get isReady(): boolean {
    return this.manager.membership.voters.includes(this.#raftId);
  }

  get hasLeader(): boolean {
    return this.manager.raftStatus.leader !== undefined;
  }

  /** Nobody else decides with it. */
  get isAlone(): boolean {
    const { voters, learners } = this.manager.membership;
    return voters.length + learners.length <= 1;
  }

  /** Leaves the consensus for good; leadership is handed on first. Asks until a leader has agreed, or with the last failure. */
  async leave(signal: AbortSignal): Promise<void> {
    const { identity, clock } = this.#modules;
    await this.manager.handOver();
    for (;;) {
      try {
        return await this.#askInTurn((addr, each) => leaveMembers(addr, identity.current, each), signal);
      } catch (error) {
        if (signal.aborted || !(error instanceof SwarmError) || error.kind !== "Unavailable") throw error;
        // The next leader may be about to begin.
        await sleep(clock, leaveRetryMs, signal).catch(() => Promise.reject(error));
      }
    }
  }

  /** Hands leadership on, ends the work, then the calls of others. */
  async stop(): Promise<void> {
    await this.#scope.stop("the manager is stopping");
    await this.manager.stop();
    await this.#server.close();
    this.leaderLinks.close();
    await this.#links.close();
  }

  #newLinks(): RaftLinks {
    const { identity, clock, log, metrics } = this.#modules;
    return new RaftLinks(
      { raftId: this.#raftId },
      {
        ...{ clock, log, metrics, credentials: () => identity.current },
        addressOf: (raftId) => this.manager.addressOf(raftId),
        peers: () => this.#others,
        unreachable: (raftId) => this.manager.unreachable(raftId),
        connectionBroken: (raftId) => this.manager.connectionBroken(raftId),
        removed: (by) => {
          this.#removedBy = this.manager.addressOf(by);
        },
      },
    );
  }

  #newManager({ beginning, onFatal }: ManagingOptions): Manager {
    const { nodeId, advertiseAddr, isJoining = false, isForcing = false, peers = [] } = this.#modules.record.current;
    return new Manager(
      {
        ...{ nodeId, advertiseAddr, raftId: this.#raftId, peers, onFatal },
        newSwarm: beginning?.newSwarm,
        onLeader: this.#modules.leaderNews.tell,
        join: isJoining,
        forceNewCluster: isForcing,
      },
      { ...this.#modules, nextTurn, atOnce, transport: this.#links, sealer: this.#modules.keys.newSealer() },
    );
  }

  #newKeyKeeper(): KeyKeeper {
    return new KeyKeeper({}, { ...this.#modules, store: this.manager.store });
  }

  #newServer(): RpcServer {
    const { identity, clock, log, metrics, answer, record } = this.#modules;
    const { manager } = this;
    const calls: ManagerCalls = {
      root: () => manager.store.cluster?.rootCa?.certificate ?? identity.current.root,
      leader: () => manager.leading,
      leaderAddr: () => manager.leaderAddr(),
    };
    const removed = new RemovedNodes(manager.store);
    return new RpcServer(splitAddress(record.current.listenAddr), {
      ...{ identity, clock, log, metrics },
      bindings: [
        caBinding(calls, log),
        dispatcherBinding(calls, log),
        membersBinding(calls, log),
        logsBinding(calls, log),
        forwardBinding(
          { handle: answer, leaderAddr: () => manager.leaderAddr(), isWorker: (id) => isWorker(id, manager) },
          log,
        ),
        raftBinding(raftCalls(this.#raftId, manager), { clock, log }),
      ],
      isRemoved: (nodeId) => removed.has(nodeId),
    });
  }

  get #others(): readonly number[] {
    const { voters, learners } = this.manager.membership;
    const told = this.#modules.record.current.peers?.map(({ raftId }) => raftId) ?? [];
    const members = voters.length > 0 ? [...voters, ...learners] : told;
    return members.filter((raftId) => raftId !== this.#raftId);
  }

  async #belong(replaced: ManagingOptions["onReplaced"], signal: AbortSignal): Promise<never> {
    const { record } = this.#modules;
    if (record.current.isForcing) {
      // Leading begins when the others are written off.
      await this.manager.untilLeading(signal);
      await record.change(forced);
    }
    return this.#announce(replaced, signal);
  }

  #announce(replaced: ManagingOptions["onReplaced"], signal: AbortSignal): Promise<never> {
    const { clock, log, record, identity } = this.#modules;
    return announce(
      {
        ...{ clock, log, replaced: () => replaced(this.#removedBy) },
        standing: () => this.#standing(),
        join: (until) => {
          const request = { raftId: this.#raftId, addr: record.current.advertiseAddr };
          const { leading } = this.manager;
          if (leading && this.#removedBy === undefined) return leading.members.join(record.current.nodeId, request);
          return this.#askInTurn((addr, each) => joinMembers(addr, identity.current, request, each), until);
        },
        joined: async ({ peers }) => {
          this.manager.peersAre(peers);
          await record.change((membership) => ({ ...membership, peers }));
        },
      },
      signal,
    );
  }

  #standing(): Standing {
    const { clock, record } = this.#modules;
    const { voters, learners } = this.manager.membership;
    const nowMs = clock.monotonic();
    if (this.hasLeader) this.#leaderSeenMs = nowMs;
    return {
      isMember: [...voters, ...learners].includes(this.#raftId) && this.#removedBy === undefined,
      hasLeader: this.hasLeader,
      silentForMs: nowMs - this.#leaderSeenMs,
      knownAddr: this.manager.addressOf(this.#raftId),
      ownAddr: record.current.advertiseAddr,
    };
  }

  /** Asks each manager that may know the leader, until one has an answer; a refusal is one. */
  async #askInTurn<T>(ask: (addr: string, signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { peers = [], advertiseAddr, managers } = this.#modules.record.current;
    // Who was removed may follow one who was, too, after a new cluster was forced without them.
    const likely = [this.#removedBy ?? "", this.manager.leaderAddr(), ...managers, ...peers.map(({ addr }) => addr)];
    let last: unknown = new SwarmError("Unavailable", "no other manager of the swarm is known");
    for (const addr of new Set(likely)) {
      if (addr === "" || addr === advertiseAddr) continue;
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(askMs)]);
      try {
        return await ask(addr, bounded);
      } catch (error) {
        signal.throwIfAborted();
        const isElsewhere = bounded.aborted || (error instanceof SwarmError && error.kind === "Unavailable");
        if (!isElsewhere) throw error;
        last = bounded.aborted ? new SwarmError("Unavailable", `${addr} did not answer in time`) : error;
      }
    }
    throw last;
  }
}

function raftCalls(raftId: number, manager: Manager): RaftCalls {
  return {
    raftId,
    nodeIdOf: (id) => manager.nodeIdOf(id),
    isRemoved: (id) => isRemoved(id, manager),
    step: (message) => manager.step(message),
    receiveSnapshot: (message, chunks) => manager.receiveSnapshot(message, chunks),
    connectionBroken: (id) => manager.connectionBroken(id),
  };
}

/** Neither asked to be a manager nor one still. */
function isWorker(nodeId: string, { store }: Manager): boolean {
  const node = store.table("node").get(nodeId);
  return node?.spec?.desiredRole === NodeRole.WORKER && node.role === NodeRole.WORKER;
}

/** Raft ids are written off before their members go: until then these are heard. */
function isRemoved(raftId: number, { store, membership }: Manager): boolean {
  if (!store.cluster?.removedRaftIds.includes(raftId)) return false;
  return !membership.voters.includes(raftId) && !membership.learners.includes(raftId);
}
