// Global services and jobs on simulated hosts: the same managers and agents, embedded engines, virtual time.

import { describe, expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { type ServiceWish, SimCluster } from "../../src/sim/cluster/index.js";

async function withService(wish: Partial<ServiceWish>): Promise<SimCluster> {
  const cluster = await SimCluster.start();
  await cluster.do(cluster.user.create({ name: "web", stopGraceMs: 1_000, ...wish }));
  return cluster;
}

/** One container on each of these hosts and no other. */
function runsOn(cluster: SimCluster, hosts: readonly string[], withinMs?: number): Promise<number> {
  const wanted = JSON.stringify(Object.fromEntries(hosts.map((host) => [host, 1])));
  const spread = (): string =>
    JSON.stringify(Object.fromEntries(Object.entries(cluster.spread("web")).sort(([a], [b]) => (a < b ? -1 : 1))));
  return cluster.eventually(`one runs on each of ${hosts.join(", ")}`, () => spread() === wanted, withinMs);
}

function completed(cluster: SimCluster): number {
  return cluster.tasks("web").filter(({ status }) => status?.state === TaskState.COMPLETE).length;
}

describe("a global service", () => {
  // The manager has no worker: hosts are w1 to w3.
  test("is on every host, at once on one that joins, and once again on one that lost its power", async () => {
    const cluster = await withService({ mode: "global" });
    await runsOn(cluster, ["w1", "w2", "w3"], 5_000);
    await cluster.do(cluster.join("w4"));
    await runsOn(cluster, ["w1", "w2", "w3", "w4"], 2_000);
    cluster.host("w2").powerOff();
    await cluster.eventually("the node is given up", () => !cluster.isReady("w2"));
    cluster.host("w2").powerOn();
    await runsOn(cluster, ["w1", "w2", "w3", "w4"], 30_000);
    await cluster.throughout("it stays so", () => cluster.running("web").length === 4, 20_000);
  });

  test("a node that was cut off ends with one container, not two", async () => {
    const cluster = await withService({ mode: "global" });
    await runsOn(cluster, ["w1", "w2", "w3"], 5_000);
    cluster.host("w3").cutLine();
    await cluster.advance(20_000);
    cluster.host("w3").healLine();
    await cluster.throughout("never two on w3", () => (cluster.spread("web").w3 ?? 0) <= 1, 20_000);
    await runsOn(cluster, ["w1", "w2", "w3"], 5_000);
  });

  test("an update goes over the hosts while a manager dies and one host is paused", async () => {
    const cluster = await withService({ mode: "global" });
    await runsOn(cluster, ["w1", "w2", "w3"], 5_000);
    await cluster.do(cluster.user.setAvailability("w3", "PAUSE"));
    await cluster.do(cluster.user.setImage("web", "nginx:2"));
    await cluster.restartManager();
    const images = (): string => [...cluster.running("web")].length.toString();
    await cluster.eventually("two hosts have it", () => newTasks(cluster) === 2 && images() === "3", 60_000);
    await cluster.advance(20_000);
    expect(newTasks(cluster)).toBe(2);
    await cluster.do(cluster.user.setAvailability("w3", "ACTIVE"));
    await cluster.eventually("the third follows", () => newTasks(cluster) === 3 && images() === "3", 10_000);
  });

  function newTasks(cluster: SimCluster): number {
    const runs = cluster.tasks("web").filter(({ status }) => status?.state === TaskState.RUNNING);
    return runs.filter(({ revision }) => revision === 2).length;
  }
});

describe("jobs", () => {
  test("a replicated job completes as often as asked, never more at once, whoever dies meanwhile", async () => {
    const wish: Partial<ServiceWish> = { mode: "replicated-job", replicas: 12, maxConcurrent: 3, sim: "exit=0@2s" };
    const cluster = await withService(wish);
    await cluster.eventually("three are done", () => completed(cluster) >= 3);
    await cluster.restartManager();
    await cluster.eventually("six are done", () => completed(cluster) >= 6);
    cluster.host("w1").powerOff();
    await cluster.eventually("all are done", () => completed(cluster) === 12, 60_000);
    await cluster.throughout("it is over", () => cluster.running("web").length === 0, 20_000);
    expect(cluster.tasks("web").filter(({ status }) => status?.state === TaskState.COMPLETE)).toHaveLength(12);
  });

  test("a replicated job runs three at a time", async () => {
    const wish: Partial<ServiceWish> = { mode: "replicated-job", replicas: 9, maxConcurrent: 3, sim: "exit=0@2s" };
    const cluster = await withService(wish);
    await cluster.throughout("at most three", () => cluster.running("web").length <= 3, 20_000);
    expect(completed(cluster)).toBe(9);
  });

  test("a global job runs once on every host, at once on one that joins, and again with every update", async () => {
    const cluster = await withService({ mode: "global-job", sim: "exit=0@2s" });
    await cluster.eventually("three are done", () => completed(cluster) === 3, 10_000);
    await cluster.do(cluster.join("w4"));
    await cluster.eventually("four are done", () => completed(cluster) === 4, 10_000);
    await cluster.do(cluster.user.update("web", (spec) => spec));
    await cluster.eventually("eight are done", () => completed(cluster) === 8, 10_000);
    await cluster.throughout("it is over", () => cluster.running("web").length === 0, 20_000);
  });

  test("a job that fails is tried as often as it may be", async () => {
    const failing: Partial<ServiceWish> = { sim: "exit=1@1s", maxAttempts: 2, restartDelayMs: 0 };
    const cluster = await withService({ mode: "replicated-job", replicas: 2, maxConcurrent: 2, ...failing });
    await cluster.advance(60_000);
    expect(cluster.tasks("web")).toHaveLength(6);
    expect(cluster.running("web")).toHaveLength(0);
  });
});
