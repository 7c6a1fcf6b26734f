// Whether a manager may be demoted: a table of swarms.

import { beforeEach, expect, test } from "vitest";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import { demotionRefusal, type ManagerStatus } from "../../../src/manager/control/index.js";
import { aNode, type MemoryStore, memoryStore } from "../../support/memory.js";

const lost = "can't remove member from the raft: this would result in a loss of quorum";
const last = "attempting to demote the last manager of the swarm";

let memory: MemoryStore;

beforeEach(() => {
  memory = memoryStore();
});

type Kind = "up" | "down" | "learner" | "going" | "promised";

const cases: readonly (readonly [string, readonly Kind[], string | undefined])[] = [
  ["the only manager", ["up"], last],
  ["one of two", ["up", "up"], undefined],
  ["one of two, the other is down", ["up", "down"], lost],
  ["the down one of two", ["down", "up"], undefined],
  ["one of three", ["up", "up", "up"], undefined],
  ["one of three, another is down", ["up", "up", "down"], lost],
  ["the down one of three", ["down", "up", "up"], undefined],
  ["one of five, one is down", ["up", "up", "up", "up", "down"], undefined],
  ["one of five, two are down", ["up", "up", "up", "down", "down"], lost],
  ["the voter, the other only catches up", ["up", "learner"], last],
  ["the one that catches up", ["learner", "up"], undefined],
  ["the voter, the other is promoted and not there yet", ["up", "promised"], last],
  ["the promoted one", ["promised", "up"], undefined],
  ["one of two, the other is demoted already", ["up", "going"], last],
];

test.each(cases)("demoting %s (%j) → %s", async (_name, kinds, expected) => {
  const managers = new Map<string, ManagerStatus>();
  await memory.writer.update((tx) => {
    for (const [at, kind] of kinds.entries()) {
      const desiredRole = kind === "going" ? NodeRole.WORKER : NodeRole.MANAGER;
      tx.put("node", aNode({ id: `m${at}`, node: { role: NodeRole.MANAGER, spec: { desiredRole } } }));
      if (kind === "promised") continue;
      const reachability = kind === "down" ? "unreachable" : "reachable";
      const isLearner = kind === "learner";
      managers.set(`m${at}`, { addr: `10.0.0.${at}:2377`, leader: false, reachability, isLearner });
    }
  });
  const node = memory.store.table("node").get("m0");
  if (node === undefined) throw new Error("no such node");
  const refusal = demotionRefusal(node, memory.store, { managers: () => managers });
  expect(refusal?.message).toBe(expected);
});
