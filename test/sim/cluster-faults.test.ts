// What goes wrong with the managers of a whole cluster does what it says, strikes only where it may, and is borne; and a needless stop
// of a global service's task is found.

import { describe, expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { loseAllButOne } from "../../src/sim/cluster/forced.js";
import { SimCluster, type SimClusterOptions } from "../../src/sim/cluster/index.js";
import type { SimManager } from "../../src/sim/cluster/manager.js";
import { SeededRandom } from "../../src/sim/index.js";
import type { Transaction } from "../../src/store/index.js";

function managerOf(cluster: SimCluster, name: string): SimManager {
  return cluster.managers.get(name) ?? expect.unreachable();
}

/** Three managers with workers, and three containers. */
async function three(options: SimClusterOptions = {}): Promise<SimCluster> {
  const cluster = await SimCluster.start({ managers: 3, hosts: 0, ...options });
  await cluster.do(cluster.user.create({ name: "web", replicas: 3, stopGraceMs: 1_000 }));
  await cluster.eventually("three run", () => cluster.running("web").length === 3);
  await cluster.advance(1_000);
  return cluster;
}

/** All of them vote, and nobody else does. */
function areVoting(cluster: SimCluster): boolean {
  const ids = cluster.managers.all.map(({ raftId }) => raftId);
  return cluster.voters.length === ids.length && ids.every((id) => cluster.voters.includes(id));
}

describe("a flipped bit", () => {
  test("is noticed: the member refuses to start, and another takes its place", async () => {
    const cluster = await three();
    const manager = managerOf(cluster, "m2");
    const { raftId } = manager;
    expect(manager.flip(0.3)).toBe(true);
    await cluster.eventually("it refuses", () => cluster.refused === 1, 2_000);
    await cluster.eventually("another votes", () => manager.raftId !== raftId && areVoting(cluster), 10_000);
    await cluster.do(cluster.user.scale("web", 5));
    await cluster.eventually("five run", () => cluster.running("web").length === 5);
  });

  test("of which nobody knows is a bug", async () => {
    const cluster = await three();
    const { disk } = managerOf(cluster, "m2");
    const [log = expect.unreachable()] = disk.files().filter((path) => path.includes("segment"));
    disk.flipBit(log, 1_000);
    cluster.host("m2").killDaemon();
    cluster.host("m2").startDaemon();
    await expect(cluster.advance(1_000)).rejects.toThrow(/the manager lives: m2 does not start: /);
  });
});

describe("a log may be lost only while the others can do without it", () => {
  const asks: readonly (readonly [what: string, happens: (cluster: SimCluster) => unknown, may: boolean])[] = [
    ["all is well", () => undefined, true],
    ["another has lost its own", (cluster) => managerOf(cluster, "m3").wipe(), false],
    ["another may have", (cluster) => managerOf(cluster, "m3").flip(0.3), false],
    ["another is paused", (cluster) => managerOf(cluster, "m3").pause(), false],
    ["another is down", (cluster) => cluster.host("m3").killDaemon(), false],
    [
      "somebody asked for a demotion",
      (cluster) => cluster.managers.changing(cluster.user.setRole(cluster.host("m3").nodeId, "WORKER")),
      false,
    ],
    ["somebody asked for a manager more", (cluster) => cluster.managers.changing(new Promise(() => {})), false],
  ];
  test.each(asks)("%s", async (_what, happens, may) => {
    const cluster = await three();
    const asked = happens(cluster);
    expect(cluster.managers.mayLose(managerOf(cluster, "m2"))).toBe(may);
    if (asked instanceof Promise) asked.catch(() => undefined);
  });

  test("they count other majorities: a follower has not heard yet who votes", async () => {
    const cluster = await SimCluster.start({ managers: 3, hosts: 0 });
    const others = ["m1", "m3"].map((name) => [name, managerOf(cluster, name)] as const);
    const known = others.map(([, { manager }]) => String(manager?.membership.voters));
    expect(new Set(known).size).toBe(2);
    expect(cluster.managers.mayLose(managerOf(cluster, "m2"))).toBe(false);
    await cluster.advance(2_000);
    expect(cluster.managers.mayLose(managerOf(cluster, "m2"))).toBe(true);
  });

  test("who is lost is in doubt until the others count on it no more", async () => {
    const cluster = await three();
    const manager = managerOf(cluster, "m2");
    manager.wipe();
    expect(cluster.managers.areAllThere).toBe(false);
    await cluster.do(manager.restart());
    await cluster.eventually("it is another", () => areVoting(cluster), 10_000);
    expect(cluster.managers.areAllThere).toBe(true);
  });
});

test("a network that loses, holds up, repeats and replays messages is borne", async () => {
  const cluster = await three();
  cluster.lines.mix = { loss: 0.1, repeat: 0.3, delayMsMax: 50, isUnordered: true, lies: 0.3 };
  for (let count = 4; count < 8; count++) {
    await cluster.do(cluster.user.scale("web", count));
    cluster.lines.replay(20);
    cluster.lines.breakConnections("m1", () => true);
  }
  cluster.host("m3").killDaemon();
  cluster.host("m3").startDaemon();
  await cluster.eventually("seven run", () => cluster.running("web").length === 7);
});

test("nothing is written while every message is lost", async () => {
  const cluster = await three();
  cluster.lines.mix = { loss: 1, repeat: 0, delayMsMax: 0, isUnordered: false, lies: 0 };
  cluster.disturb();
  await expect(cluster.do(cluster.user.scale("web", 4), 10_000)).rejects.toThrow("the answer did not come");
});

test("a machine whose clock is slow keeps its place", async () => {
  const cluster = await three();
  for (const rate of [3, 0.3, 1]) {
    cluster.disturb();
    cluster.host("m1").skew(rate);
    await cluster.advance(8_000);
    expect([rate, cluster.host("m1").clock.isRight]).toEqual([rate, rate === 1]);
  }
  await cluster.eventually("all lead and run", () => areVoting(cluster) && cluster.running("web").length === 3);
});

test("the last manager goes on alone, with everything", async () => {
  const cluster = await three();
  await loseAllButOne(cluster, new SeededRandom(1));
  expect(cluster.managers.all).toHaveLength(1);
  expect(cluster.voters).toHaveLength(1);
  expect(cluster.members).toHaveLength(1);
  await cluster.eventually("three run again", () => cluster.running("web").length === 3);
});

test("an orchestrator that stops what a global service runs is found", async () => {
  const armed = { value: false };
  const plant: SimClusterOptions["plant"] = (part, tx) => {
    if (part !== "orchestrator" || !armed.value) return tx;
    const put: Transaction["put"] = (table, row) => {
      tx.put(table, row);
      const others = [...tx.table("task").all()].filter(({ id, nodeId, status }) => {
        return id !== row.id && nodeId !== "" && status?.state === TaskState.RUNNING;
      });
      for (const other of others) tx.put("task", { ...other, desiredState: TaskState.SHUTDOWN });
    };
    return new Proxy(tx, { get: (of, name) => (name === "put" ? put : boundTo(of, name)) });
  };
  const cluster = await SimCluster.start({ plant });
  await cluster.do(cluster.user.create({ name: "all", mode: "global", stopGraceMs: 1_000 }));
  await cluster.eventually("all run", () => cluster.running("all").length === 3);
  armed.value = true;
  cluster.killContainer("all", "w1");
  await expect(cluster.advance(10_000)).rejects.toThrow(/nothing is stopped without a reason: task \w+ runs on node/);
});

function boundTo(of: Transaction, name: string | symbol): unknown {
  const value: unknown = Reflect.get(of, name, of);
  return typeof value === "function" ? (value.bind(of) as unknown) : value;
}
