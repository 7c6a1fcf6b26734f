// Several managers, from joining to going: whole managers on virtual time (docs/behaviour.md, "Managers").

import { describe, expect, test } from "vitest";
import { SwarmError } from "../../src/base/index.js";
import { NodeState, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { type Machine, ManagersSwarm } from "../support/managers.js";

const roleOf = (swarm: ManagersSwarm, name: string): NodeRole => swarm.node(name).role;
const idsOf = (machines: readonly Machine[]): readonly number[] =>
  machines.map(({ raftId }) => raftId).sort((a, b) => a - b);
const sorted = (ids: readonly number[]): readonly number[] => [...ids].sort((a, b) => a - b);

describe("joining", () => {
  test("R-702 two more become voters, everybody knows everybody, and all hold the same rows", async () => {
    const swarm = await ManagersSwarm.start(3);
    const all = ["m1", "m2", "m3"].map((name) => swarm.machine(name));
    expect(sorted(swarm.voters)).toEqual(idsOf(all));
    for (const { name } of all) {
      const manager = swarm.manager(name);
      await swarm.eventually(`${name} has all`, () => manager.store.revision === swarm.leaderStore.revision);
      for (const { raftId, nodeId, addr } of all) {
        expect([manager.addressOf(raftId), manager.nodeIdOf(raftId)]).toEqual([addr, nodeId]);
      }
      expect(manager.leaderAddr()).toBe("10.0.0.1:2377");
    }
    const managers = swarm.leading?.control.membership.managers() ?? new Map();
    expect([...managers.values()].map(({ reachability, leader }) => `${reachability} ${leader}`)).toEqual([
      "reachable true",
      "reachable false",
      "reachable false",
    ]);
  });

  test("R-707 a raft id that was a member before, or is another's, is refused as used", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { nodeId, raftId, addr } = swarm.machine("m3");
    const join = (id: string, raft: number) =>
      swarm.do(swarm.leading?.members.join(id, { raftId: raft, addr }) ?? never());
    await expect(join(swarm.machine("m2").nodeId, raftId)).rejects.toMatchObject({ kind: "AlreadyExists" });
    await swarm.setRole("m3", "WORKER");
    await swarm.eventually("m3 is a worker", () => roleOf(swarm, "m3") === NodeRole.WORKER);
    await expect(join(nodeId, 4711)).rejects.toMatchObject({ kind: "FailedPrecondition" });
    await swarm.setRole("m3", "MANAGER");
    await swarm.eventually("m3 may be a manager", () => roleOf(swarm, "m3") === NodeRole.MANAGER);
    await expect(join(nodeId, raftId)).rejects.toMatchObject({ kind: "AlreadyExists" });
  });

  test("R-707 a manager that lost its log comes back under a new raft id, and the old one goes", async () => {
    const swarm = await ManagersSwarm.start(3);
    const machine = swarm.machine("m3");
    const { raftId: old } = machine;
    swarm.kill("m3");
    await swarm.enter(machine);
    await swarm.eventually("it votes again", () => swarm.voters.includes(machine.raftId));
    expect([swarm.voters.length, swarm.voters.includes(old)]).toEqual([3, false]);
    expect(swarm.cluster.removedRaftIds).toContain(old);
  });

  test("another address is announced with the same raft id, and the others learn it through the log", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { nodeId, raftId } = swarm.machine("m2");
    await swarm.do(swarm.leading?.members.join(nodeId, { raftId, addr: "10.9.9.9:2377" }) ?? never());
    await swarm.advance(300);
    for (const name of ["m1", "m3"]) expect(swarm.manager(name).addressOf(raftId)).toBe("10.9.9.9:2377");
    expect(swarm.voters).toHaveLength(3);
  });

  test("R-702 one that never answers does not vote, and goes when it is demoted", async () => {
    const swarm = await ManagersSwarm.start(3);
    const machine = await swarm.join("m4");
    swarm.kill("m4");
    await swarm.setRole("m4", "WORKER");
    await swarm.eventually("it is out", () => roleOf(swarm, "m4") === NodeRole.WORKER);
    expect(swarm.voters).not.toContain(machine.raftId);
    expect(swarm.node("m4").manager).toBeUndefined();
  });
});

function never(): Promise<never> {
  return Promise.reject(new Error("nobody leads"));
}

describe("promote and demote", () => {
  test("R-701, R-703 a promoted worker hears of it at once, joins and votes; demoted, it hears that too and is a member no more", async () => {
    const swarm = await ManagersSwarm.start(1, 1);
    const toldRole = (): NodeRole | undefined => swarm.told.get("w1")?.node?.role;
    await swarm.setRole("w1", "MANAGER");
    await swarm.eventually("w1 is told", () => toldRole() === NodeRole.MANAGER, 500);
    const { id: nodeId } = swarm.node("w1");
    const machine: Machine = {
      ...swarm.machine("m1"),
      name: "m2",
      nodeId,
      addr: "10.0.0.2:2377",
      life: undefined,
      lives: 0,
    };
    await swarm.enter(machine);
    await swarm.eventually("it votes", () => swarm.voters.length === 2);
    await swarm.eventually("agents know it", () => swarm.told.get("w1")?.managers.length === 2, 1_000);
    await swarm.setRole("m2", "WORKER");
    await swarm.eventually("w1 is told", () => toldRole() === NodeRole.WORKER, 2_000);
    expect(swarm.voters).toEqual([swarm.machine("m1").raftId]);
    await swarm.eventually("agents forget it", () => swarm.told.get("w1")?.managers.length === 1, 1_000);
  });

  test("R-703 the leader hands over before it goes, and keeps its node", async () => {
    const swarm = await ManagersSwarm.start(3);
    await swarm.setRole("m1", "WORKER");
    await swarm.eventually("another leads", () => swarm.leader !== undefined && swarm.leader.name !== "m1", 2_000);
    await swarm.eventually("m1 is a worker", () => roleOf(swarm, "m1") === NodeRole.WORKER, 2_000);
    expect(sorted(swarm.voters)).toEqual(idsOf([swarm.machine("m2"), swarm.machine("m3")]));
  });

  test("R-707 promoted again while it is being removed, it takes part again only under a new raft id", async () => {
    const swarm = await ManagersSwarm.start(3);
    const machine = swarm.machine("m3");
    const old = machine.raftId;
    await Promise.all(
      [swarm.setRole("m3", "WORKER"), swarm.setRole("m3", "MANAGER")].map((role) => role.catch(() => {})),
    );
    await swarm.eventually("m3 may be a manager", () => roleOf(swarm, "m3") === NodeRole.MANAGER);
    await swarm.advance(2_000);
    const { manager } = swarm.node("m3");
    expect(swarm.voters.includes(old)).toBe(manager?.raftId === old);
    expect(swarm.cluster.removedRaftIds.includes(old)).toBe(manager?.raftId !== old);
  });

  test("R-704, R-705 is refused where too few would be left, in Docker's words", async () => {
    const swarm = await ManagersSwarm.start(3);
    swarm.kill("m3");
    await swarm.advance(2_000);
    const demote = (name: string) => swarm.setRole(name, "WORKER");
    await expect(demote("m2")).rejects.toThrow(
      "can't remove member from the raft: this would result in a loss of quorum",
    );
    await demote("m3");
    await swarm.eventually("m3 is out", () => swarm.voters.length === 2);
    await demote("m2");
    await swarm.eventually("m2 is out", () => swarm.voters.length === 1);
    await expect(demote("m1")).rejects.toThrow("attempting to demote the last manager of the swarm");
  });

  test("R-706 a manager is removed only after its demotion, also with --force", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { nodeId } = swarm.machine("m3");
    const remove = () => swarm.do(swarm.user.removeNode(nodeId, true));
    await expect(remove()).rejects.toThrow("It must be demoted to worker before removal");
    await swarm.setRole("m3", "WORKER");
    await remove();
    await swarm.eventually("it is out", () => swarm.voters.length === 2);
    expect(swarm.leaderStore.table("node").get(nodeId)).toBeUndefined();
    expect(swarm.cluster.removedRaftIds).toContain(swarm.machine("m3").raftId);
  });
});

describe("leaving", () => {
  test("R-708 a manager that leaves is out of the consensus before it is answered, and its node can be removed", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { nodeId, raftId } = swarm.machine("m2");
    await swarm.do(swarm.leading?.members.leave(nodeId) ?? never());
    expect(swarm.voters).not.toContain(raftId);
    await swarm.eventually("it is a worker", () => roleOf(swarm, "m2") === NodeRole.WORKER, 500);
    swarm.kill("m2");
    await swarm.do(swarm.user.removeNode(nodeId, true));
  });

  test("R-708 the leader that leaves hands over first", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { nodeId } = swarm.machine("m1");
    // It hears of it while it follows the next one, or has to ask that again.
    await swarm.do(
      (swarm.leading?.members.leave(nodeId) ?? never()).catch((error: unknown) => {
        expect(error).toMatchObject({ kind: "Unavailable" });
      }),
    );
    await swarm.eventually("another leads", () => swarm.leader !== undefined && swarm.leader.name !== "m1");
    await swarm.do(swarm.leading?.members.leave(nodeId) ?? never());
    expect(swarm.voters).toHaveLength(2);
  });
});

describe("the leader goes", () => {
  test("R-709, R-710 on a clean stop another leads before it is down; its nodes and tasks change not at all", async () => {
    const swarm = await ManagersSwarm.start(3, 2);
    await swarm.do(swarm.user.create({ name: "web", replicas: 4, image: "nginx" }));
    const tasks = () => [...swarm.leaderStore.table("task").all()];
    const running = () => tasks().filter(({ status }) => status?.state === TaskState.RUNNING);
    await swarm.eventually("web runs", () => running().length === 4);
    const before = tasks().map(({ id, nodeId }) => `${id} ${nodeId}`);
    const statuses = () => ["w1", "w2"].map((name) => swarm.node(swarm.host(name).nodeId).status);
    const statusesBefore = statuses();
    const startMs = swarm.clock.monotonic();
    await swarm.stop("m1");
    await swarm.eventually("another leads", () => swarm.leader !== undefined);
    expect(swarm.clock.monotonic() - startMs).toBeLessThan(200);
    await swarm.advance(20_000);
    expect(statuses()).toEqual(statusesBefore);
    expect(tasks().map(({ id, nodeId }) => `${id} ${nodeId}`)).toEqual(before);
    expect(running()).toHaveLength(4);
  });

  test("R-709, R-710 killed, the next one leads at once; READY stays READY, and who is really gone is found", async () => {
    const swarm = await ManagersSwarm.start(3, 2);
    const stateOf = (name: string) => swarm.node(swarm.host(name).nodeId).status?.state;
    const startMs = swarm.clock.monotonic();
    swarm.kill("m1");
    swarm.host("w2").powerOff();
    await swarm.eventually("another leads", () => swarm.leader !== undefined);
    expect(swarm.clock.monotonic() - startMs).toBeLessThan(100);
    expect([stateOf("w1"), stateOf("w2")]).toEqual([NodeState.READY, NodeState.READY]);
    await swarm.advance(4_000);
    expect([stateOf("w1"), stateOf("w2")]).toEqual([NodeState.READY, NodeState.READY]);
    await swarm.eventually("w2 is down", () => stateOf("w2") === NodeState.DOWN, 3_000);
    expect(stateOf("w1")).toBe(NodeState.READY);
  });

  test("its place is kept: it comes back as a follower and has all", async () => {
    const swarm = await ManagersSwarm.start(3);
    swarm.kill("m1");
    await swarm.eventually("another leads", () => swarm.leader !== undefined);
    await swarm.do(swarm.user.create({ name: "web", replicas: 1, image: "nginx" }));
    await swarm.restart("m1");
    const own = swarm.manager("m1").store;
    await swarm.eventually("it has all", () => own.revision === swarm.leaderStore.revision);
    expect([...own.table("service").all()].map(({ name }) => name)).toEqual(["web"]);
    expect(swarm.leader?.name).not.toBe("m1");
  });

  test.each([0, 0.6, 1.2, 1.8, 2.6])(
    "R-711 %s ms after a service create was asked for: repeated, it is one service",
    async (ms) => {
      const swarm = await ManagersSwarm.start(3);
      const asked = swarm.user.create({ name: "web", replicas: 2, image: "nginx" });
      await swarm.advance(ms);
      swarm.kill("m1");
      const id = await swarm.do(asked);
      await swarm.eventually("another leads", () => swarm.leader !== undefined);
      const services = [...swarm.leaderStore.table("service").all()];
      expect(services.map((service) => service.id)).toEqual([id]);
    },
  );

  test("R-712 without a quorum nothing is written, what is known is read, and it says who answers", async () => {
    const swarm = await ManagersSwarm.start(3);
    await swarm.do(swarm.user.create({ name: "web", replicas: 1, image: "nginx" }));
    const leading = swarm.leading;
    const { nodeId: gone } = swarm.machine("m2");
    swarm.kill("m2");
    swarm.kill("m3");
    await swarm.eventually("m1 leads no more", () => swarm.leading === undefined, 3_000);
    await swarm.advance(6_000);
    const manager = swarm.manager("m1");
    const { hasLeader, noLeaderForMs, managers } = manager.quorum();
    expect(hasLeader).toBe(false);
    expect(noLeaderForMs).toBeGreaterThan(5_000);
    expect(managers.map(({ hostname, reachable }) => `${hostname} ${reachable}`)).toEqual([
      "m1 true",
      "m2 false",
      "m3 false",
    ]);
    expect(managers.find(({ nodeId }) => nodeId === gone)?.unreachableSince).toBeLessThan(swarm.clock.now() - 5_000);
    expect([...manager.localControl.view.table("service").all()]).toHaveLength(1);
    await expect(manager.localControl.nodes.remove("r", swarm.machine("m2").nodeId, true)).rejects.toThrow("leader");
    await expect(leading?.control.nodes.remove("q", gone, true)).rejects.toBeInstanceOf(SwarmError);
    await swarm.restart("m2");
    await swarm.eventually("there is a leader again", () => swarm.leading !== undefined, 5_000);
    expect(swarm.manager("m1").quorum().hasLeader).toBe(true);
  });

  test("cut off, it leads no more and writes nothing; healed, it follows", async () => {
    const swarm = await ManagersSwarm.start(3);
    const { leading } = swarm.manager("m1");
    const heal = swarm.isolate("m1");
    const lost = leading?.members.join(swarm.machine("m2").nodeId, {
      raftId: swarm.machine("m2").raftId,
      addr: "10.8.8.8:1",
    });
    await expect(swarm.do(lost ?? never())).rejects.toMatchObject({ kind: "Unavailable" });
    expect(swarm.manager("m1").leading).toBeUndefined();
    await swarm.eventually("another leads", () => swarm.leader !== undefined);
    heal();
    await swarm.eventually("m1 follows", () => swarm.manager("m1").leaderAddr() === swarm.leader?.addr);
    expect(swarm.node("m2").manager?.addr).toBe("10.0.0.2:2377");
  });
});

describe("a part of the leading work fails", () => {
  const breaking = (swarm: ManagersSwarm, machine: string): void => {
    swarm.writerOf = (name, part, writer) =>
      name === machine && part === "scheduler"
        ? { ...writer, update: () => Promise.reject(new Error("a defect")) }
        : writer;
  };

  test("with others it hands over, and the next one does the work", async () => {
    const swarm = await ManagersSwarm.start(3, 1);
    swarm.kill("m1");
    await swarm.eventually("another leads", () => swarm.leader !== undefined);
    breaking(swarm, "m1");
    await swarm.restart("m1");
    await swarm.eventually("m1 has all", () => swarm.manager("m1").store.revision === swarm.leaderStore.revision);
    const { name } = swarm.leader ?? { name: "" };
    await swarm.stop(name);
    await swarm.do(swarm.user.create({ name: "web", replicas: 1, image: "nginx" }));
    await swarm.eventually("web runs", () => {
      const tasks = swarm.leader ? [...swarm.leaderStore.table("task").all()] : [];
      return tasks.some(({ status }) => status?.state === TaskState.RUNNING);
    });
    expect(swarm.leader?.name).not.toBe("m1");
  });

  test("alone it starts the work anew, again and again", async () => {
    const swarm = await ManagersSwarm.start(1, 1);
    breaking(swarm, "m1");
    swarm.kill("m1");
    await swarm.restart("m1");
    await swarm.eventually("m1 leads", () => swarm.leader !== undefined);
    await swarm.do(swarm.user.create({ name: "web", replicas: 1, image: "nginx" }));
    await swarm.advance(1_000);
    swarm.writerOf = (_name, _part, writer) => writer;
    await swarm.eventually("web runs", () => {
      const tasks = [...swarm.manager("m1").store.table("task").all()];
      return tasks.some(({ status }) => status?.state === TaskState.RUNNING);
    });
  });
});

describe("a log that is somebody else's", () => {
  test("is refused: a copied data folder does not speak for the node it was copied from", async () => {
    const swarm = await ManagersSwarm.start(3);
    swarm.kill("m3");
    const copied: Machine = { ...swarm.machine("m3"), name: "copy", nodeId: "another" };
    await expect(swarm.do(swarm.begin(copied))).rejects.toThrow("this is node another");
  });

  test("is refused: the log of another swarm", async () => {
    const swarm = await ManagersSwarm.start(1);
    const machine = swarm.machine("m1");
    swarm.kill("m1");
    await swarm.do(swarm.begin(machine, { clusterId: "another" }));
    await swarm.eventually("it gives up", () => machine.fatal !== undefined);
    expect(machine.fatal?.message).toContain("this node is of swarm another");
    expect(swarm.leading).toBeUndefined();
  });
});

test("R-713 --force-new-cluster: the one goes on alone, the others' places are given up for good", async () => {
  const swarm = await ManagersSwarm.start(3);
  const old = idsOf([swarm.machine("m2"), swarm.machine("m3")]);
  for (const name of ["m1", "m2", "m3"]) swarm.kill(name);
  await swarm.do(swarm.begin(swarm.machine("m1"), { forceNewCluster: true }));
  await swarm.eventually("m1 leads", () => swarm.leading !== undefined);
  await swarm.advance(2_000);
  expect(swarm.voters).toEqual([swarm.machine("m1").raftId]);
  expect(sorted(swarm.cluster.removedRaftIds)).toEqual(old);
  await swarm.enter(swarm.machine("m2"));
  await swarm.eventually("m2 is back under a new id", () => swarm.voters.length === 2);
});
