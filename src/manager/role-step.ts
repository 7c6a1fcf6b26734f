// The next step towards the managers that are wanted: node rows and the consensus' members in, one step out. Pure.
//
// M1 A raft id is written off (`removedRaftIds`) before its member is removed, so it is never a member again: the node may
//    have dropped its log by then.
// M2 A member votes only once it has caught up, and is removed only while those that stay have a quorum that answers.
// M3 The leader never removes itself: it hands over, and the next one does.

import { type ConfChange, ConfChangeKind } from "../gen/skep/raft/v1/raft.js";
import type { Node } from "../gen/skep/v1/objects.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import type { KnownManager } from "./directory.js";

export interface RolesWorld {
  readonly self: KnownManager;
  /** Those that are, are to be, or have yet to cease to be managers. */
  readonly nodes: readonly Node[];
  readonly removedRaftIds: readonly number[];
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** What the leader knows of another member. */
  peer(raftId: number): Peer;
  /** Lowest format level every manager announced, and the one in force. */
  readonly level: number;
}

export interface Peer {
  /** It answered just now. */
  readonly isReachable: boolean;
  /** It has nearly all the leader has. */
  readonly isCaughtUp: boolean;
  /** The last entry it is known to have. */
  readonly match: number;
}

export type RoleStep =
  /** The leader's own row does not say where it is: data of one manager alone, or another address. */
  | { readonly kind: "announce" }
  /** worker → manager: the node may fetch a manager's certificate and ask to be a member. */
  | { readonly kind: "grant"; readonly nodeId: string }
  /** manager → worker, once it is no member any more. */
  | { readonly kind: "withdraw"; readonly nodeId: string }
  /** The raft id is never to be a member again. */
  | { readonly kind: "write off"; readonly raftId: number }
  | { readonly kind: "change"; readonly change: ConfChange }
  | { readonly kind: "hand over"; readonly to: number }
  | { readonly kind: "raise level"; readonly level: number }
  /** Nothing can be done now; time or another member must help. */
  | { readonly kind: "wait"; readonly raftId: number; readonly reason: string }
  | { readonly kind: "rest" };

type Decide = (world: RolesWorld) => RoleStep | undefined;

const decisions: readonly Decide[] = [
  announce,
  grant,
  withdraw,
  removeLearner,
  removeVoter,
  addLearner,
  addVoter,
  raiseLevel,
];

export function nextRoleStep(world: RolesWorld): RoleStep {
  let waits: RoleStep | undefined;
  for (const decide of decisions) {
    const step = decide(world);
    if (step === undefined) continue;
    if (step.kind !== "wait") return step;
    waits ??= step;
  }
  return waits ?? { kind: "rest" };
}

function announce({ self, nodes, removedRaftIds }: RolesWorld): RoleStep | undefined {
  const own = nodes.find(({ id }) => id === self.nodeId);
  if (own === undefined || !isDesired(own) || removedRaftIds.includes(self.raftId)) return undefined;
  const isSaid = own.manager?.raftId === self.raftId && own.manager.addr === self.addr;
  return isSaid ? undefined : { kind: "announce" };
}

function grant({ nodes }: RolesWorld): RoleStep | undefined {
  const node = nodes.find((each) => isDesired(each) && each.role === NodeRole.WORKER);
  return node && { kind: "grant", nodeId: node.id };
}

function withdraw({ nodes, voters, learners, removedRaftIds }: RolesWorld): RoleStep | undefined {
  const node = nodes.find(({ role, manager, ...rest }) => {
    const isMember = manager !== undefined && (voters.includes(manager.raftId) || learners.includes(manager.raftId));
    const isWrittenOff = manager !== undefined && removedRaftIds.includes(manager.raftId);
    const isToGo = !isDesired(rest) || isWrittenOff;
    return isToGo && !isMember && (role === NodeRole.MANAGER || manager !== undefined);
  });
  return node && { kind: "withdraw", nodeId: node.id };
}

function removeLearner(world: RolesWorld): RoleStep | undefined {
  const raftId = world.learners.find((each) => !isWantedMember(each, world));
  return raftId === undefined ? undefined : removal(raftId, world);
}

/** Others first: the leader goes last, because it has to hand over. */
function removeVoter(world: RolesWorld): RoleStep | undefined {
  const { self, voters } = world;
  const unwanted = voters.filter((each) => !isWantedMember(each, world));
  const other = unwanted.find((each) => each !== self.raftId);
  if (other !== undefined) {
    if (hasQuorumWithout(other, world)) return removal(other, world);
    return { kind: "wait", raftId: other, reason: "without it too few managers would answer" };
  }
  return unwanted.length === 0 ? undefined : handOver(world);
}

/** To the voter that stays, answers and has most. */
function handOver(world: RolesWorld): RoleStep {
  const { self, voters } = world;
  const able = voters
    .filter((each) => each !== self.raftId && isWantedMember(each, world) && world.peer(each).isReachable)
    .sort((a, b) => world.peer(b).match - world.peer(a).match);
  const [to] = able;
  if (to === undefined) return { kind: "wait", raftId: self.raftId, reason: "no other manager can take over from it" };
  return { kind: "hand over", to };
}

function addLearner({ nodes, voters, learners, removedRaftIds }: RolesWorld): RoleStep | undefined {
  for (const node of nodes) {
    const raftId = node.manager?.raftId;
    if (raftId === undefined || !isDesired(node) || removedRaftIds.includes(raftId)) continue;
    if (!voters.includes(raftId) && !learners.includes(raftId)) return change(ConfChangeKind.ADD_LEARNER, raftId);
  }
  return undefined;
}

/** M2. The first that can; one that cannot keeps nobody waiting. */
function addVoter(world: RolesWorld): RoleStep | undefined {
  const wanted = world.learners.filter((each) => isWantedMember(each, world));
  const ready = wanted.find((each) => world.peer(each).isReachable && world.peer(each).isCaughtUp);
  if (ready !== undefined) return change(ConfChangeKind.ADD_VOTER, ready);
  const [first] = wanted;
  if (first === undefined) return undefined;
  const reason = world.peer(first).isReachable ? "it has not caught up yet" : "it does not answer";
  return { kind: "wait", raftId: first, reason };
}

function raiseLevel({ nodes, level, voters }: RolesWorld): RoleStep | undefined {
  const managers = nodes.filter(({ manager }) => manager !== undefined && voters.includes(manager.raftId));
  const announced = managers.map(({ description }) => description?.level ?? 0);
  const lowest = Math.min(...announced);
  return managers.length > 0 && lowest > level ? { kind: "raise level", level: lowest } : undefined;
}

/** M1, M2. */
function removal(raftId: number, { removedRaftIds }: RolesWorld): RoleStep {
  if (!removedRaftIds.includes(raftId)) return { kind: "write off", raftId };
  return change(ConfChangeKind.REMOVE, raftId);
}

function change(kind: ConfChangeKind, member: number): RoleStep {
  return { kind: "change", change: { kind, member } };
}

function isDesired({ spec }: Pick<Node, "spec">): boolean {
  return spec?.desiredRole === NodeRole.MANAGER;
}

function isWantedMember(raftId: number, { nodes, removedRaftIds }: RolesWorld): boolean {
  if (removedRaftIds.includes(raftId)) return false;
  return nodes.some((node) => node.manager?.raftId === raftId && isDesired(node));
}

/** More than half of those that stay answer; the leader does. */
function hasQuorumWithout(raftId: number, world: RolesWorld): boolean {
  const staying = world.voters.filter((each) => each !== raftId);
  const answering = staying.filter((each) => each === world.self.raftId || world.peer(each).isReachable);
  return answering.length >= Math.floor(staying.length / 2) + 1;
}
