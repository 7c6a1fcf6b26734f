// How this host stands to a swarm, and the arrows between: inactive → pending → active → inactive.

import type { InitOptions, JoinOptions, Leader, Logs, Node, NodeState, Quorum, RestoreOptions } from "../api/index.js";
import { joinTimeout, managerStarting } from "../api/index.js";
import { type Clock, type Log, messageOf, SwarmError, sleep } from "../base/index.js";
import { parseUnlockKey } from "../manager/ca/index.js";
import type { Control } from "../manager/control/index.js";
import { hostOf } from "./address.js";
import { backupOf } from "./backup.js";
import { NodeLockedError } from "./keys/index.js";
import { LeaderPath } from "./leader-path.js";
import type { Member } from "./member.js";
import type { MemberStarter } from "./start.js";
import type { Membership, State } from "./state.js";

/** docker-api.md §1.1: how long `join` is waited for; after that it goes on in the background. */
const joinWaitMs = 20_000;
/** Between two tries to start as the member this node is. */
const retryFirstMs = 100;
const retryMaxMs = 30_000;

const texts = {
  alreadyMember:
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
  notMember: "This node is not part of a swarm",
  notLocked: "swarm is not locked",
  notManager: "This node is not a manager: only a manager's state can become a swarm of its own.",
} as const;

type Phase =
  | { readonly kind: "inactive" }
  | { readonly kind: "pending"; readonly nodeAddr: string }
  | { readonly kind: "locked"; readonly nodeAddr: string }
  | { readonly kind: "error"; readonly nodeId: string; readonly nodeAddr: string; readonly error: string }
  | { readonly kind: "active"; readonly member: Member };

export interface LocalNodeModules {
  readonly state: State;
  readonly starter: MemberStarter;
  /** This daemon's. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class LocalNode implements Node {
  readonly #modules: LocalNodeModules;
  readonly #leaderPath = new LeaderPath();
  #phase: Phase = { kind: "inactive" };
  /** Ends the attempt to come up that is under way, when the node leaves meanwhile. */
  #attempt = new AbortController();

  constructor(modules: LocalNodeModules) {
    this.#modules = modules;
  }

  /** The membership in force, while there is one that runs. */
  get member(): Member | undefined {
    return this.#phase.kind === "active" ? this.#phase.member : undefined;
  }

  state(): NodeState {
    const phase = this.#phase;
    switch (phase.kind) {
      case "inactive":
        return { local: "inactive" };
      case "pending":
        return { local: "pending", nodeId: "", nodeAddr: phase.nodeAddr };
      case "locked":
        return { local: "locked", nodeAddr: hostOf(phase.nodeAddr) };
      case "error":
        return { local: "error", nodeId: phase.nodeId, nodeAddr: phase.nodeAddr, error: phase.error };
      case "active":
        return phase.member.state();
      default:
        return phase satisfies never;
    }
  }

  onLeaderChange(fn: () => void): () => void {
    return this.#modules.starter.leaderNews.listen(fn);
  }

  control(): Control | undefined {
    return this.member?.control();
  }

  logs(): Logs | undefined {
    return this.member?.manager?.leading?.logs;
  }

  leader(): Leader | undefined {
    return this.#leaderPath.to(this.member?.part.managing);
  }

  quorum(): Quorum | undefined {
    return this.member?.manager?.quorum();
  }

  localControl(): Control | undefined {
    return this.member?.manager?.localControl;
  }

  async readIndex(signal: AbortSignal): Promise<void> {
    const manager = this.member?.manager;
    if (manager === undefined) throw new SwarmError("Unavailable", texts.notMember);
    signal.throwIfAborted();
    await manager.readIndex();
  }

  /** inactive → active, as the first manager of a new swarm. Nothing is left behind when it fails. */
  async init(options: InitOptions): Promise<string> {
    const { state, starter } = this.#modules;
    const known = options.forceNewCluster ? await state.membership() : undefined;
    if (known) return this.#forceNewCluster(known, options);
    return this.#found(options.advertiseAddr, "swarm created", (signal) => starter.init(options, signal));
  }

  /** inactive → active, as the only manager of the swarm a backup was made of. Nothing is left behind when it fails. */
  async restore(options: RestoreOptions, backup: AsyncIterable<Uint8Array>): Promise<string> {
    const { starter } = this.#modules;
    return this.#found(options.advertiseAddr, "swarm restored", (signal) => starter.restore(options, backup, signal));
  }

  async #found(nodeAddr: string, done: string, start: (signal: AbortSignal) => Promise<Member>): Promise<string> {
    const { state, log } = this.#modules;
    this.#becomePending(nodeAddr);
    try {
      const member = await start(this.#attempt.signal);
      await state.setMembership(member.membership);
      this.#becomeActive(member);
      const { nodeId, clusterId } = member.membership;
      log.info(done, { nodeId, clusterId });
      return nodeId;
    } catch (error) {
      await this.#becomeInactive();
      throw error;
    }
  }

  /** A manager's own store as a file. */
  async backup(): Promise<AsyncIterable<Uint8Array>> {
    const { member } = this;
    const manager = member?.manager;
    if (member === undefined || manager === undefined) throw new SwarmError("Unavailable", managerStarting);
    const { clock, log, version } = this.#modules;
    return backupOf({ nodeId: member.membership.nodeId, skepVersion: version }, { manager, clock, log });
  }

  /** active or error → active, as the only manager of the swarm it was one of. When it fails, it is what it was. */
  async #forceNewCluster(known: Membership, options: InitOptions): Promise<string> {
    const { state, starter, log } = this.#modules;
    if (known.raftId === undefined) throw new SwarmError("FailedPrecondition", texts.notManager);
    const before = this.member;
    this.#restartAttempt("a new cluster is forced");
    this.#become({ kind: "pending", nodeAddr: options.advertiseAddr });
    await before?.stop();
    try {
      const member = await starter.forceNewCluster(known, options, this.#attempt.signal);
      this.#becomeActive(member);
      log.info("swarm goes on with this manager alone", { nodeId: known.nodeId, clusterId: known.clusterId });
      return known.nodeId;
    } catch (error) {
      await state.setMembership(known);
      void this.resume();
      throw error;
    }
  }

  /**
   * inactive → active, as a member of the swarm the token is for. Once the node has its certificate it is a member, even
   * when its first session takes longer than a caller should wait.
   */
  async join(options: JoinOptions): Promise<void> {
    this.#becomePending(options.advertiseAddr);
    const { starter, clock, log } = this.#modules;
    let member: Member;
    try {
      member = await starter.join(options, this.#attempt.signal);
    } catch (error) {
      await this.#becomeInactive();
      throw error;
    }
    this.#becomeActive(member);
    log.info("swarm joined", { nodeId: member.membership.nodeId, clusterId: member.membership.clusterId });
    const late = sleep(clock, joinWaitMs, this.#attempt.signal).then(() => {
      throw new SwarmError("Unavailable", joinTimeout);
    });
    const joined = Promise.all([member.untilConnected(), member.part.untilReady(this.#attempt.signal)]);
    await Promise.race([joined, late]);
  }

  /** active, pending, error → inactive: the leader replaces this node's tasks, its containers go, all is forgotten. */
  async leave(force: boolean): Promise<void> {
    const phase = this.#phase;
    if (phase.kind === "inactive") throw new SwarmError("Unavailable", texts.notMember);
    this.#restartAttempt("the node is leaving the swarm");
    if (phase.kind === "active") await phase.member.leave(force);
    await this.#becomeInactive();
    this.#modules.log.info("swarm left");
  }

  /** locked → pending → active; a wrong key changes nothing. Resolves when the node has come up, or once has failed to. */
  async unlock(key: string): Promise<void> {
    const phase = this.#phase;
    if (phase.kind !== "locked") throw new SwarmError("AlreadyExists", texts.notLocked);
    await this.#modules.starter.unlock(parseUnlockKey(key));
    if (this.#phase !== phase) throw new SwarmError("AlreadyExists", texts.notLocked);
    this.#modules.log.info("node unlocked");
    await new Promise<void>((resolve) => {
      void this.resume(resolve).then(resolve);
    });
  }

  /**
   * Comes up as the member this node was when it stopped; retries in the background for as long as it takes. `tried` is told
   * of the first try that failed.
   */
  async resume(tried: () => void = () => {}): Promise<void> {
    const { state, starter, clock, log } = this.#modules;
    const membership = await state.membership();
    if (membership === undefined) return;
    const { signal } = this.#attempt;
    const { nodeId, advertiseAddr: nodeAddr } = membership;
    this.#become({ kind: "pending", nodeAddr });
    for (let waitMs = retryFirstMs; !signal.aborted; waitMs = Math.min(2 * waitMs, retryMaxMs)) {
      try {
        return this.#becomeActive(await starter.resume(membership, signal));
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NodeLockedError) return this.#becomeLocked(nodeAddr);
        log.error("cannot come up as a member of the swarm", { error: messageOf(error), retryMs: waitMs });
        this.#become({ kind: "error", nodeId, nodeAddr, error: messageOf(error) });
        tried();
        await sleep(clock, waitMs, signal).catch(() => undefined);
      }
    }
  }

  /** The daemon is about to stop: the others are told, and answer from now on what is still asked here. */
  async retire(machineIsStopping: boolean): Promise<void> {
    this.#attempt.abort(new SwarmError("Unavailable", "the daemon is stopping"));
    await this.member?.retire(machineIsStopping ? "leaving" : "restarting");
  }

  /** The node stays a member, and its containers run on unless the machine goes down. */
  async stop(): Promise<void> {
    await this.member?.stop();
  }

  /** Ends an attempt to come up that is under way. */
  #restartAttempt(why: string): void {
    this.#attempt.abort(new SwarmError("Aborted", why));
    this.#attempt = new AbortController();
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.#modules.starter.leaderNews.tell();
  }

  #becomePending(nodeAddr: string): void {
    if (this.#phase.kind !== "inactive") throw new SwarmError("Unavailable", texts.alreadyMember);
    this.#become({ kind: "pending", nodeAddr });
  }

  #becomeActive(member: Member): void {
    this.#become({ kind: "active", member });
    member.onEnd((error) => this.#becomeError(member, error));
  }

  /** active → error: removed from the swarm, or broken. `swarm leave` ends it. */
  #becomeError(member: Member, error: Error): void {
    if (this.member !== member) return;
    const { nodeId, advertiseAddr } = member.membership;
    this.#become({ kind: "error", nodeId, nodeAddr: advertiseAddr, error: error.message });
    member.stop().catch((failure: unknown) => {
      this.#modules.log.error("cannot stop in good order", { error: messageOf(failure) });
    });
  }

  /** pending → locked: whole and waiting for its key. Its containers run on. */
  #becomeLocked(nodeAddr: string): void {
    this.#become({ kind: "locked", nodeAddr });
    this.#modules.log.warn("this node is locked: it waits for 'docker swarm unlock'");
  }

  async #becomeInactive(): Promise<void> {
    await this.#modules.state.clear();
    this.#modules.starter.forget();
    this.#become({ kind: "inactive" });
  }
}
