// docs/behaviour.md R-7xx (swarm-semantics §5, §7.2, §7.9). Whole managers tell the stories in test/scenarios/managers.test.ts.

import { describe, expect, test } from "vitest";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import type { ManagerMember, Node } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { nextRoleStep, type Peer, type RoleStep, type RolesWorld } from "../../src/manager/role-step.js";
import { aNode } from "../support/memory.js";

type Peers = Readonly<Record<number, Partial<Peer>>>;

interface Given {
  readonly nodes: readonly Node[];
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  readonly removed?: readonly number[];
  readonly peers?: Peers;
  readonly level?: number;
}

const self = { nodeId: "m1", raftId: 1, addr: "10.0.0.1:2377" };
const here: Peer = { isReachable: true, isCaughtUp: true, match: 10 };
const silent = { isReachable: false };

function stepOf({ nodes, voters = [1], learners = [], removed = [], peers = {}, level = 1 }: Given): RoleStep {
  const world: RolesWorld = {
    ...{ self, nodes, voters, learners, removedRaftIds: removed, level },
    peer: (raftId) => ({ ...here, ...peers[raftId] }),
  };
  return nextRoleStep(world);
}

const place = (raftId: number): ManagerMember => ({ raftId, addr: `10.0.0.${raftId}:2377` });

/** A manager in its place, unless told otherwise. */
function manager(
  raftId: number,
  {
    desired = "MANAGER",
    role = "MANAGER",
    at = place(raftId),
    level = 1,
  }: {
    desired?: "MANAGER" | "WORKER";
    role?: "MANAGER" | "WORKER";
    at?: ManagerMember | "nowhere";
    level?: number;
  } = {},
): Node {
  const node = aNode({
    id: `m${raftId}`,
    node: { role: NodeRole[role], spec: { desiredRole: NodeRole[desired] }, description: { hostname: "", level } },
  });
  return { ...node, manager: at === "nowhere" ? undefined : at };
}

const nowhere = { at: "nowhere" } as const;
const demoted = { desired: "WORKER" } as const;
const rest: RoleStep = { kind: "rest" };
const change = (kind: keyof typeof ConfChangeKind, member: number): RoleStep => {
  return { kind: "change", change: { kind: ConfChangeKind[kind], member } };
};

type Rows = readonly (readonly [string, Given, RoleStep])[];

describe("R-701, R-702 a manager comes", () => {
  const rows: Rows = [
    ["all is as it should be", { nodes: [manager(1), manager(2)], voters: [1, 2] }, rest],
    ["the leader's own row does not say where it is", { nodes: [manager(1, nowhere)] }, { kind: "announce" }],
    [
      "the leader has another address",
      { nodes: [manager(1, { at: { raftId: 1, addr: "10.9.9.9:2377" } })] },
      { kind: "announce" },
    ],
    [
      "a worker is promoted",
      { nodes: [manager(1), manager(2, { role: "WORKER", at: "nowhere" })] },
      { kind: "grant", nodeId: "m2" },
    ],
    ["it has not asked to join yet", { nodes: [manager(1), manager(2, nowhere)] }, rest],
    ["it has asked to join", { nodes: [manager(1), manager(2)] }, change("ADD_LEARNER", 2)],
    [
      "it lacks much",
      { nodes: [manager(1), manager(2)], learners: [2], peers: { 2: { isCaughtUp: false } } },
      { kind: "wait", raftId: 2, reason: "it has not caught up yet" },
    ],
    [
      "it is silent",
      { nodes: [manager(1), manager(2)], learners: [2], peers: { 2: silent } },
      { kind: "wait", raftId: 2, reason: "it does not answer" },
    ],
    ["it has caught up", { nodes: [manager(1), manager(2)], learners: [2] }, change("ADD_VOTER", 2)],
    [
      "one that is silent keeps nobody waiting",
      { nodes: [manager(1), manager(2), manager(3)], learners: [2, 3], peers: { 2: silent } },
      change("ADD_VOTER", 3),
    ],
    [
      "all read a newer format",
      { nodes: [manager(1, { level: 3 }), manager(2, { level: 2 })], voters: [1, 2] },
      { kind: "raise level", level: 2 },
    ],
    ["one does not", { nodes: [manager(1, { level: 3 }), manager(2)], voters: [1, 2] }, rest],
  ];
  test.each(rows)("%s", (_title, world, expected) => {
    expect(stepOf(world)).toEqual(expected);
  });
});

describe("R-703, R-705, R-707 a manager goes", () => {
  const three = [1, 2, 3];
  const rows: Rows = [
    [
      "first its raft id is written off",
      { nodes: [manager(1), manager(2), manager(3, demoted)], voters: three },
      { kind: "write off", raftId: 3 },
    ],
    [
      "then it is removed",
      { nodes: [manager(1), manager(2), manager(3, demoted)], voters: three, removed: [3] },
      change("REMOVE", 3),
    ],
    [
      "then it is a worker",
      { nodes: [manager(1), manager(2), manager(3, demoted)], voters: [1, 2], removed: [3] },
      { kind: "withdraw", nodeId: "m3" },
    ],
    [
      "too few others answer",
      { nodes: [manager(1), manager(2, demoted), manager(3)], voters: three, peers: { 3: silent } },
      { kind: "wait", raftId: 2, reason: "without it too few managers would answer" },
    ],
    [
      "it is the silent one",
      { nodes: [manager(1), manager(2), manager(3, demoted)], voters: three, peers: { 3: silent } },
      { kind: "write off", raftId: 3 },
    ],
    [
      "the leader itself: to the one that has most",
      { nodes: [manager(1, demoted), manager(2), manager(3)], voters: three, peers: { 3: { match: 11 } } },
      { kind: "hand over", to: 3 },
    ],
    [
      "the leader itself: not to one that goes too, which goes first",
      { nodes: [manager(1, demoted), manager(2), manager(3, demoted)], voters: three },
      { kind: "write off", raftId: 3 },
    ],
    [
      "the leader itself, and nobody answers",
      { nodes: [manager(1, demoted), manager(2)], voters: [1, 2], peers: { 2: silent } },
      { kind: "wait", raftId: 1, reason: "no other manager can take over from it" },
    ],
    [
      "one that catches up",
      { nodes: [manager(1), manager(2, demoted)], learners: [2], removed: [2] },
      change("REMOVE", 2),
    ],
    [
      "one that never joined",
      { nodes: [manager(1), manager(2, { ...demoted, ...nowhere })] },
      { kind: "withdraw", nodeId: "m2" },
    ],
    ["its node was removed", { nodes: [manager(1)], voters: [1, 2] }, { kind: "write off", raftId: 2 }],
    [
      "promoted again after its id was written off: it is removed all the same",
      { nodes: [manager(1), manager(2)], voters: [1, 2], removed: [2] },
      change("REMOVE", 2),
    ],
    ["and starts from a worker", { nodes: [manager(1), manager(2)], removed: [2] }, { kind: "withdraw", nodeId: "m2" }],
    [
      "it lost its log and came back under another id: the old one goes",
      { nodes: [manager(1), manager(2, { at: place(4) }), manager(3)], voters: three, removed: [2] },
      change("REMOVE", 2),
    ],
  ];
  test.each(rows)("%s", (_title, world, expected) => {
    expect(stepOf(world)).toEqual(expected);
  });
});
