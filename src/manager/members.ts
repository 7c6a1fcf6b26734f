// What managers ask of the leader: to be let into the consensus, and out of it. It only says so in the rows; roles.ts does it.

import { type Clock, SwarmError, sleep } from "../base/index.js";
import type { JoinMembersRequest, JoinMembersResponse } from "../gen/skep/v1/members.js";
import type { Node } from "../gen/skep/v1/objects.js";
import { NodeRole, NodeSpec } from "../gen/skep/v1/specs.js";
import {
  anyManager,
  NotLeader,
  type Store,
  type Transaction,
  UnknownOutcome,
  type View,
  type Writer,
} from "../store/index.js";
import { type Consensus, membersOf } from "./consensus.js";
import { demotionRefusal, type Membership } from "./control/index.js";
import type { Directory } from "./directory.js";
import { writeOff } from "./roles.js";

/** Members of one consensus: each one more makes every write slower. */
const membersMax = 31;
/** How long a manager that leaves is kept waiting; its going is decided before. */
const leaveMs = 8_000;
const leavePollMs = 25;
/** Raft ids are random in 1 … 2^52. */
const raftIdMax = 2 ** 52;

export interface MembersModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly consensus: Consensus;
  readonly directory: Directory;
  readonly membership: Membership;
  readonly clock: Clock;
  /** Aborts when this leadership ends. */
  readonly signal: AbortSignal;
}

export class Members {
  readonly #modules: MembersModules;

  constructor(_options: Readonly<Record<string, never>>, modules: MembersModules) {
    this.#modules = modules;
  }

  /**
   * Lets the node be a member under this raft id, or at another address; again changes nothing. Rejects with kind
   * AlreadyExists when the raft id was a member before or is another node's (draw a new one, with an empty log), with
   * FailedPrecondition when the node is not to be a manager.
   */
  async join(nodeId: string, { raftId, addr }: JoinMembersRequest): Promise<JoinMembersResponse> {
    const { writer, directory } = this.#modules;
    await inTerm(
      writer.update((tx) => {
        const node = tx.table("node").get(nodeId);
        if (node?.manager?.raftId === raftId && node.manager.addr === addr && isDesired(node)) return;
        const refusal = joinRefusal({ nodeId, node, raftId, addr }, tx);
        if (refusal) throw refusal;
        if (node) letIn(tx, node, { raftId, addr });
      }),
    );
    return { peers: [...directory.all()] };
  }

  /** The node is to be a worker, and what it was is undone; resolves once it is no member any more. */
  async leave(nodeId: string): Promise<void> {
    const { writer, membership } = this.#modules;
    await inTerm(
      writer.update((tx) => {
        const node = tx.table("node").get(nodeId);
        if (node === undefined || !isDesired(node)) return;
        const refusal = demotionRefusal(node, tx, membership);
        if (refusal) throw refusal;
        const spec = NodeSpec.fromPartial({ ...node.spec, desiredRole: NodeRole.WORKER });
        tx.put("node", { ...node, spec, specVersion: tx.revision + 1 });
      }),
    );
    await inTerm(this.#untilGone(nodeId));
  }

  async #untilGone(nodeId: string): Promise<void> {
    const { clock, signal } = this.#modules;
    const endMs = clock.monotonic() + leaveMs;
    while (!this.#isGone(nodeId)) {
      if (signal.aborted) throw new NotLeader();
      if (clock.monotonic() >= endMs) {
        throw new SwarmError("DeadlineExceeded", "the other managers have not let this one go yet");
      }
      await sleep(clock, leavePollMs);
    }
  }

  #isGone(nodeId: string): boolean {
    const { store, consensus } = this.#modules;
    const node = store.table("node").get(nodeId);
    if (node === undefined) return true;
    return node.manager === undefined ? node.role === NodeRole.WORKER : !this.#isMember(node.manager.raftId, consensus);
  }

  #isMember(raftId: number, { membership }: Consensus): boolean {
    return membersOf(membership).includes(raftId);
  }
}

interface Joiner extends JoinMembersRequest {
  readonly nodeId: string;
  readonly node: Node | undefined;
}

function joinRefusal({ nodeId, node, raftId, addr }: Joiner, view: View): SwarmError | undefined {
  if (node === undefined) return new SwarmError("PermissionDenied", `node ${nodeId} is not a node of this swarm`);
  if (!isDesired(node)) {
    return new SwarmError("FailedPrecondition", `node ${nodeId} is to be a worker: it is promoted first`);
  }
  if (!Number.isSafeInteger(raftId) || raftId < 1 || raftId > raftIdMax) {
    return new SwarmError("InvalidArgument", `invalid raft id ${raftId}: 1 to 2^52`);
  }
  if (addr === "" || addr.startsWith(":")) {
    return new SwarmError("InvalidArgument", `invalid address "${addr}": other managers could not reach it`);
  }
  return idRefusal(nodeId, raftId, view) ?? crowdRefusal(node, view);
}

function idRefusal(nodeId: string, raftId: number, view: View): SwarmError | undefined {
  if (view.cluster?.removedRaftIds.includes(raftId)) {
    return new SwarmError(
      "AlreadyExists",
      `raft id ${raftId} was a member before: join with an empty log and a new id`,
    );
  }
  const other = [...view.table("node").by("raft", String(raftId))].find(({ id }) => id !== nodeId);
  return other && new SwarmError("AlreadyExists", `raft id ${raftId} is the one of node ${other.id}`);
}

function crowdRefusal(node: Node, view: View): SwarmError | undefined {
  const members = [...view.table("node").by("manager", anyManager)].filter(({ manager }) => manager !== undefined);
  if (node.manager !== undefined || members.length < membersMax) return undefined;
  return new SwarmError("ResourceExhausted", `there are ${membersMax} managers already`);
}

/** A node that lost its log comes with another raft id: the old one is never heard of again. */
function letIn(tx: Transaction, node: Node, manager: NonNullable<Node["manager"]>): void {
  if (node.manager && node.manager.raftId !== manager.raftId) writeOff(tx, [node.manager.raftId]);
  tx.put("node", { ...node, manager });
}

function isDesired({ spec }: Node): boolean {
  return spec?.desiredRole === NodeRole.MANAGER;
}

/** Asking again is safe, so the caller is told to. */
async function inTerm<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof NotLeader) && !(error instanceof UnknownOutcome)) throw error;
    throw new SwarmError("Unavailable", "the swarm changed its leader meanwhile; try again", { cause: error });
  }
}
