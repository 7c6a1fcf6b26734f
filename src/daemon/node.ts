// How this host stands to a swarm, and the arrows between: inactive → pending → active → inactive.

import type { InitOptions, JoinOptions, Leader, Node, NodeState } from "../api/index.js";
import { joinTimeout } from "../api/index.js";
import { type Clock, type Log, messageOf, SwarmError, sleep } from "../base/index.js";
import type { Control } from "../manager/control/index.js";
import type { Member } from "./member.js";
import type { MemberStarter } from "./start.js";
import type { State } from "./state.js";

/** docker-api.md §1.1: how long `join` is waited for; after that it goes on in the background. */
const joinWaitMs = 20_000;
/** Between two tries to start as the member this node is. */
const retryFirstMs = 100;
const retryMaxMs = 30_000;

const texts = {
  alreadyMember:
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
  notMember: "This node is not part of a swarm",
} as const;

type Phase =
  | { readonly kind: "inactive" }
  | { readonly kind: "pending"; readonly nodeAddr: string }
  | { readonly kind: "error"; readonly nodeId: string; readonly nodeAddr: string; readonly error: string }
  | { readonly kind: "active"; readonly member: Member };

export interface LocalNodeModules {
  readonly state: State;
  readonly starter: MemberStarter;
  readonly clock: Clock;
  readonly log: Log;
}

export class LocalNode implements Node {
  readonly #modules: LocalNodeModules;
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
      case "error":
        return { local: "error", nodeId: phase.nodeId, nodeAddr: phase.nodeAddr, error: phase.error };
      case "active":
        return phase.member.state();
      default:
        return phase satisfies never;
    }
  }

  control(): Control | undefined {
    return this.member?.control();
  }

  /** With one manager nobody else leads. */
  leader(): Leader | undefined {
    return undefined;
  }

  /** inactive → active, as the first manager of a new swarm. Nothing is left behind when it fails. */
  async init(options: InitOptions): Promise<string> {
    this.#becomePending(options.advertiseAddr);
    const { state, starter, log } = this.#modules;
    try {
      const member = await starter.init(options, this.#attempt.signal);
      await state.setMembership(member.membership);
      this.#becomeActive(member);
      log.info("swarm created", { nodeId: member.membership.nodeId, clusterId: member.membership.clusterId });
      return member.membership.nodeId;
    } catch (error) {
      await this.#becomeInactive();
      throw error;
    }
  }

  /**
   * inactive → active, as a member of the swarm the token is for. Once the node has its certificate it is a member, even
   * when its first session takes longer than a caller should wait.
   */
  async join(options: JoinOptions): Promise<void> {
    this.#becomePending(options.advertiseAddr);
    const { state, starter, clock, log } = this.#modules;
    let member: Member;
    try {
      member = await starter.join(options, this.#attempt.signal);
      await state.setMembership(member.membership);
    } catch (error) {
      await this.#becomeInactive();
      throw error;
    }
    this.#becomeActive(member);
    log.info("swarm joined", { nodeId: member.membership.nodeId, clusterId: member.membership.clusterId });
    const late = sleep(clock, joinWaitMs, this.#attempt.signal).then(() => {
      throw new SwarmError("Unavailable", joinTimeout);
    });
    await Promise.race([member.untilConnected(), late]);
  }

  /** active, pending, error → inactive: the leader replaces this node's tasks, its containers go, all is forgotten. */
  async leave(): Promise<void> {
    const phase = this.#phase;
    if (phase.kind === "inactive") throw new SwarmError("Unavailable", texts.notMember);
    this.#attempt.abort(new SwarmError("Aborted", "the node is leaving the swarm"));
    this.#attempt = new AbortController();
    if (phase.kind === "active") await phase.member.leave();
    await this.#becomeInactive();
    this.#modules.log.info("swarm left");
  }

  unlock(): Promise<void> {
    return Promise.reject(new SwarmError("AlreadyExists", "swarm is not locked"));
  }

  /** Comes up as the member this node was when it stopped; retries in the background for as long as it takes. */
  async resume(): Promise<void> {
    const { state, starter, clock, log } = this.#modules;
    const membership = await state.membership();
    if (membership === undefined) return;
    const { signal } = this.#attempt;
    const { nodeId, advertiseAddr: nodeAddr } = membership;
    this.#phase = { kind: "pending", nodeAddr };
    for (let waitMs = retryFirstMs; !signal.aborted; waitMs = Math.min(2 * waitMs, retryMaxMs)) {
      try {
        return this.#becomeActive(await starter.resume(membership, signal));
      } catch (error) {
        if (signal.aborted) return;
        log.error("cannot come up as a member of the swarm", { error: messageOf(error), retryMs: waitMs });
        this.#phase = { kind: "error", nodeId, nodeAddr, error: messageOf(error) };
        await sleep(clock, waitMs, signal).catch(() => undefined);
      }
    }
  }

  /** The daemon stops: the node stays a member, and its containers run on unless the machine goes down. */
  async stop(machineIsStopping: boolean): Promise<void> {
    this.#attempt.abort(new SwarmError("Unavailable", "the daemon is stopping"));
    await this.member?.stop(machineIsStopping ? "leaving" : "restarting");
  }

  #becomePending(nodeAddr: string): void {
    if (this.#phase.kind !== "inactive") throw new SwarmError("Unavailable", texts.alreadyMember);
    this.#phase = { kind: "pending", nodeAddr };
  }

  #becomeActive(member: Member): void {
    this.#phase = { kind: "active", member };
    member.onEnd((error) => this.#becomeError(member, error));
  }

  /** active → error: removed from the swarm, or broken. `swarm leave` ends it. */
  #becomeError(member: Member, error: Error): void {
    if (this.member !== member) return;
    const { nodeId, advertiseAddr } = member.membership;
    this.#phase = { kind: "error", nodeId, nodeAddr: advertiseAddr, error: error.message };
    member.stop("silent").catch((failure: unknown) => {
      this.#modules.log.error("cannot stop in good order", { error: messageOf(failure) });
    });
  }

  async #becomeInactive(): Promise<void> {
    await this.#modules.state.clear();
    this.#phase = { kind: "inactive" };
  }
}
