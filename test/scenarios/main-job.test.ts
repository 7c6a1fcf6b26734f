// The main job in virtual time: a service is created, keeps running whatever happens to it, changes, and goes.

import { describe, expect, test } from "vitest";
import { TaskState, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { type ServiceWish, SimCluster, type SimClusterOptions } from "../../src/sim/cluster/index.js";

/** From a decision to a running container on the default embedded engine: pull, create, start and the words between. */
const placingMs = 500;
/** A node is given up after this silence. */
const nodeLossMs = 3_000;

async function withService(wish: Partial<ServiceWish> = {}, options: SimClusterOptions = {}): Promise<SimCluster> {
  const cluster = await SimCluster.start(options);
  const { replicas = 3 } = wish;
  await cluster.do(cluster.user.create({ name: "web", replicas, stopGraceMs: 1_000, ...wish }));
  await runs(cluster, replicas, 5_000 + replicas * 100);
  return cluster;
}

/** Exactly `count` containers run, and every task that is wanted is RUNNING. */
function runs(cluster: SimCluster, count: number, withinMs?: number): Promise<number> {
  return cluster.eventually(
    `${count} containers run`,
    () => cluster.running("web").length === count && settled(cluster, count),
    withinMs,
  );
}

function settled(cluster: SimCluster, count: number): boolean {
  if (cluster.manager.leading === undefined) return false;
  const wanted = cluster.tasks("web").filter(({ desiredState }) => desiredState <= TaskState.COMPLETE);
  return wanted.length === count && wanted.every(({ status }) => status?.state === TaskState.RUNNING);
}

describe("create", () => {
  test("three replicas run on three hosts", async () => {
    const cluster = await withService();
    expect(cluster.spread("web")).toEqual({ w1: 1, w2: 1, w3: 1 });
  });

  test("a hundred are spread evenly over five hosts", async () => {
    const cluster = await withService({ replicas: 100 }, { hosts: 5 });
    expect(cluster.spread("web")).toEqual({ w1: 20, w2: 20, w3: 20, w4: 20, w5: 20 });
  });

  test("what fits nowhere waits and says why, and is placed as soon as it fits", async () => {
    const cluster = await SimCluster.start({ hosts: 2 });
    await cluster.do(cluster.user.create({ name: "web", replicas: 3, hostPort: 8080 }));
    await cluster.eventually("two run", () => cluster.running("web").length === 2);
    await cluster.advance(10_000);
    const [waiting] = cluster.tasks("web").filter(({ wait }) => wait !== undefined);
    expect(waiting?.wait?.reason).toBe(
      "no suitable node (host-mode port already in use on 2 nodes; 1 node not available for new tasks)",
    );
    await cluster.do(cluster.join("w3"));
    await runs(cluster, 3, placingMs + 100);
    expect(cluster.spread("web")).toEqual({ w1: 1, w2: 1, w3: 1 });
  });
});

describe("what ends comes back", () => {
  test.each([
    { sim: "exit=0@20s", delaysMs: [2_000, 2_000, 2_000] },
    { sim: "exit=1@20s", delaysMs: [2_000, 4_000, 8_000] },
  ])("a container that ends with $sim is restarted after $delaysMs ms", async ({ sim, delaysMs }) => {
    const cluster = await withService({ replicas: 1, sim, restartDelayMs: 2_000 });
    for (const delayMs of delaysMs) {
      await cluster.eventually("it exits", () => cluster.running("web").length === 0);
      const downMs = await runs(cluster, 1);
      expect(downMs).toBeGreaterThanOrEqual(delayMs);
      expect(downMs).toBeLessThan(delayMs + placingMs);
    }
  });

  test("a killed container is replaced, and its task stays as history", async () => {
    const cluster = await withService();
    const victim = cluster.killContainer("web", "w2");
    await runs(cluster, 3, 5_000 + placingMs);
    const task = cluster.tasks("web").find(({ id }) => id === victim.taskId);
    expect(task?.status).toMatchObject({ state: TaskState.FAILED, err: "task: non-zero exit (137)" });
    expect(cluster.spread("web")).toEqual({ w1: 1, w2: 1, w3: 1 });
  });
});

describe("nodes", () => {
  test("a host that dies without a word is replaced within 3 s, and its surplus stops when it is back", async () => {
    const cluster = await withService();
    cluster.host("w3").powerOff();
    const tookMs = await cluster.eventually("three run elsewhere", () => cluster.running("web").length === 3, 10_000);
    expect(tookMs).toBeLessThan(nodeLossMs + placingMs);
    expect(Object.keys(cluster.spread("web"))).toEqual(["w1", "w2"]);
    cluster.host("w3").powerOn();
    await cluster.eventually("the node is READY", () => cluster.isReady("w3"));
    await cluster.throughout("three run", () => cluster.running("web").length === 3, 10_000);
  });

  test("containers behind a cut line are replaced, and end when the line is healed", async () => {
    const cluster = await withService();
    cluster.host("w3").cutLine();
    await cluster.eventually("three are replaced", () => cluster.running("web").length === 4, nodeLossMs + placingMs);
    await cluster.advance(20_000);
    cluster.host("w3").healLine();
    await runs(cluster, 3, 10_000);
    expect(Object.keys(cluster.spread("web"))).toEqual(["w1", "w2"]);
  });

  test("a line that is cut for less than the grace moves nothing", async () => {
    const cluster = await withService();
    const before = cluster.running("web");
    cluster.host("w3").cutLine();
    await cluster.advance(1_500);
    cluster.host("w3").healLine();
    await cluster.advance(20_000);
    expect(cluster.running("web")).toEqual(before);
  });

  test("a drained node is emptied, and takes nothing until it is active again", async () => {
    const cluster = await withService();
    await cluster.do(cluster.user.setAvailability("w1", "DRAIN"));
    await cluster.eventually("w1 is empty", () => cluster.spread("web").w1 === undefined, 2_000);
    await runs(cluster, 3, placingMs + 2_000);
    await cluster.do(cluster.user.scale("web", 6));
    await runs(cluster, 6);
    expect(cluster.spread("web")).toEqual({ w2: 3, w3: 3 });
    await cluster.do(cluster.user.setAvailability("w1", "ACTIVE"));
    await cluster.do(cluster.user.scale("web", 9));
    await runs(cluster, 9);
    expect(cluster.spread("web")).toEqual({ w1: 3, w2: 3, w3: 3 });
  });

  test("a paused node keeps what it has and gets nothing new", async () => {
    const cluster = await withService();
    await cluster.do(cluster.user.setAvailability("w1", "PAUSE"));
    await cluster.do(cluster.user.scale("web", 7));
    await runs(cluster, 7);
    expect(cluster.spread("web")).toEqual({ w1: 1, w2: 3, w3: 3 });
  });

  test("an engine that is frozen for 5 s moves nothing; one for 30 s is given up and adopted when it is back", async () => {
    const cluster = await withService();
    const before = cluster.running("web");
    cluster.host("w2").freezeEngine();
    await cluster.advance(5_000);
    cluster.host("w2").recoverEngine();
    await cluster.advance(10_000);
    expect(cluster.running("web")).toEqual(before);

    cluster.host("w2").freezeEngine();
    await cluster.eventually("w2 is given up", () => !cluster.isReady("w2"), 25_000);
    await cluster.eventually("replaced", () => cluster.running("web").length === 4, placingMs);
    await cluster.advance(5_000);
    cluster.host("w2").recoverEngine();
    await runs(cluster, 3, 15_000);
    expect(Object.keys(cluster.spread("web"))).toEqual(["w1", "w3"]);
  });

  test("a daemon that restarts keeps its tasks, and nothing new is placed meanwhile", async () => {
    const cluster = await withService();
    const before = cluster.running("web");
    await cluster.do(cluster.host("w2").stopDaemon());
    await cluster.advance(10_000);
    expect(cluster.node("w2").status).toMatchObject({ suspended: true });
    await cluster.do(cluster.user.scale("web", 4));
    await cluster.eventually("four run", () => cluster.running("web").length === 4);
    expect(cluster.spread("web").w2).toBe(1);
    cluster.host("w2").startDaemon();
    await runs(cluster, 4, 5_000);
    expect(cluster.running("web")).toEqual(expect.arrayContaining([...before]));
  });

  test("a daemon that stays away is given up after 30 s", async () => {
    const cluster = await withService();
    await cluster.do(cluster.host("w2").stopDaemon());
    await cluster.advance(28_000);
    expect(cluster.running("web")).toHaveLength(3);
    await cluster.eventually("replaced", () => cluster.running("web").length === 4, 4_000 + placingMs);
  });

  test("a killed daemon that is back within the grace adopts its containers", async () => {
    const cluster = await withService();
    const before = cluster.running("web");
    cluster.host("w1").killDaemon();
    await cluster.advance(1_000);
    cluster.host("w1").startDaemon();
    await cluster.advance(30_000);
    expect(cluster.running("web")).toEqual(before);
  });

  test("a machine that says it goes down is replaced at once", async () => {
    const cluster = await withService();
    await cluster.do(cluster.host("w2").stopDaemon("leaving"));
    await cluster.eventually("replaced", () => cluster.running("web").length === 4, placingMs + 100);
  });
});

describe("scale", () => {
  test("3 → 20 → 2, even all the way", async () => {
    const cluster = await withService({}, { hosts: 4 });
    await cluster.do(cluster.user.scale("web", 20));
    await runs(cluster, 20);
    expect(cluster.spread("web")).toEqual({ w1: 5, w2: 5, w3: 5, w4: 5 });
    await cluster.do(cluster.user.scale("web", 2));
    await runs(cluster, 2);
    expect(Object.values(cluster.spread("web"))).toEqual([1, 1]);
    await cluster.eventually("nothing else is left", () => cluster.containers().length <= 2 * 6, 10_000);
  });
});

describe("update --image", () => {
  test.each([
    { order: "STOP_FIRST", parallelism: 1, leastOf4: 3, mostOf4: 4 },
    { order: "STOP_FIRST", parallelism: 2, leastOf4: 2, mostOf4: 4 },
    { order: "START_FIRST", parallelism: 1, leastOf4: 4, mostOf4: 5 },
    { order: "START_FIRST", parallelism: 2, leastOf4: 4, mostOf4: 6 },
  ] as const)("$order by $parallelism runs $leastOf4 to $mostOf4 of 4 all the time", async (given) => {
    const { order, parallelism, leastOf4, mostOf4 } = given;
    const cluster = await withService({ replicas: 4, order, parallelism, monitorMs: 1_000 });
    await cluster.do(cluster.user.setImage("web", "nginx:2"));
    const counts = new Set<number>();
    await cluster.eventually("the update is completed", () => {
      counts.add(cluster.running("web").length);
      return updateState(cluster) === UpdateState.COMPLETED;
    });
    expect(Math.min(...counts)).toBe(leastOf4);
    expect(Math.max(...counts)).toBe(mostOf4);
    await runs(cluster, 4, 5_000);
    expect(cluster.running("web").map(({ image }) => image)).toEqual(Array(4).fill("nginx:2"));
  });

  test("an image nobody has pauses the update with the registry's words, and a rollback mends it", async () => {
    const cluster = await withService({ replicas: 4, restartDelayMs: 500 });
    for (const { engine } of cluster.hosts) engine.failPull("nginx:bad", { message: "manifest unknown" });
    await cluster.do(cluster.user.setImage("web", "nginx:bad"));
    await cluster.eventually("paused", () => updateState(cluster) === UpdateState.PAUSED);
    expect(cluster.running("web")).toHaveLength(3);
    expect(cluster.tasks("web").map(({ status }) => status?.err)).toContain("manifest unknown");
    await cluster.do(cluster.user.rollback("web"));
    await cluster.eventually("rolled back", () => updateState(cluster) === UpdateState.ROLLBACK_COMPLETED);
    await runs(cluster, 4, 5_000);
    expect(cluster.running("web").map(({ image }) => image)).toEqual(Array(4).fill("nginx:latest"));
  });
});

describe("rm", () => {
  test("leaves no container and no task anywhere", async () => {
    const cluster = await withService({ replicas: 6 });
    cluster.killContainer("web");
    await cluster.advance(7_000);
    await cluster.do(cluster.user.remove("web"));
    await empty(cluster);
  });

  test("a host that was away when the service went is cleaned up when it is back", async () => {
    const cluster = await withService({ replicas: 6 });
    cluster.host("w1").cutLine();
    await cluster.advance(5_000);
    await cluster.do(cluster.user.remove("web"));
    await cluster.advance(5_000);
    expect(Object.keys(cluster.spread("web"))).toEqual(["w1"]);
    cluster.host("w1").healLine();
    await empty(cluster);
  });
});

function empty(cluster: SimCluster): Promise<number> {
  return cluster.eventually(
    "nothing is left",
    () => cluster.containers().length === 0 && [...cluster.store.table("task").all()].length === 0,
    20_000,
  );
}

function updateState(cluster: SimCluster): UpdateState | undefined {
  return [...cluster.store.table("service").all()][0]?.updateStatus?.state;
}

/** What may be going on when the manager dies; `count` containers run once it is over. */
const changes: readonly {
  readonly what: string;
  readonly count: number;
  readonly begin: (cluster: SimCluster) => Promise<unknown> | void;
  readonly isOver?: (cluster: SimCluster) => boolean;
}[] = [
  { what: "nothing", count: 4, begin: () => {} },
  { what: "a killed container", count: 4, begin: (cluster) => void cluster.killContainer("web") },
  { what: "a dead host", count: 4, begin: (cluster) => cluster.host("w1").powerOff() },
  { what: "a drain", count: 4, begin: ({ user }) => user.setAvailability("w2", "DRAIN") },
  { what: "scaling up", count: 20, begin: ({ user }) => user.scale("web", 20) },
  { what: "scaling down", count: 1, begin: ({ user }) => user.scale("web", 1) },
  {
    what: "an update",
    count: 4,
    begin: ({ user }) => user.setImage("web", "nginx:2"),
    isOver: (cluster) =>
      updateState(cluster) === UpdateState.COMPLETED &&
      cluster.running("web").every(({ image }) => image === "nginx:2"),
  },
  { what: "a removal", count: 0, begin: ({ user }) => user.remove("web"), isOver: isGone },
];

function isGone(cluster: SimCluster): boolean {
  return cluster.containers().length === 0 && [...cluster.store.table("task").all()].length === 0;
}

describe("a manager that dies in the middle comes back and goes on", () => {
  const moments = [0, 1, 3, 30, 150, 320, 1_100, 3_200];
  test.each(changes)("$what", async ({ begin, count, isOver }) => {
    for (const afterMs of moments) {
      const cluster = await withService({ replicas: 4, monitorMs: 500 });
      const request = begin(cluster);
      await cluster.advance(afterMs);
      await cluster.restartManager(700);
      if (request) await cluster.do(request);
      const isDone = isOver ?? ((each: SimCluster) => each.running("web").length === count && settled(each, count));
      await cluster.eventually(
        `all is done, ${afterMs} ms`,
        () => cluster.manager.leading !== undefined && isDone(cluster),
        30_000,
      );
      await cluster.throughout("it stays so", () => cluster.running("web").length === count, 5_000);
    }
  });

  test("without a manager everything runs on, and nothing is moved when it is back", async () => {
    const cluster = await withService();
    const before = cluster.running("web");
    cluster.manager.crash("torn");
    await cluster.advance(60_000);
    expect(cluster.running("web")).toEqual(before);
    await cluster.startManager();
    await cluster.advance(20_000);
    expect(cluster.running("web")).toEqual(before);
  });
});
