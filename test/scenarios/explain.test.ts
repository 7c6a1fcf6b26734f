// A service that does not come up: `service explain` says why, and what it says would help does help. A plan says what an
// update then does. In virtual time, with the real text of the command line.

import { describe, expect, test } from "vitest";
import { explanationText } from "../../src/cli/commands/service/explain-text.js";
import { planText } from "../../src/cli/commands/service/plan-text.js";
import type { ServiceSpec } from "../../src/gen/skep/v1/specs.js";
import { explain, plan } from "../../src/manager/insight/index.js";
import { SimCluster } from "../../src/sim/cluster/index.js";
import { specOf } from "../../src/store/index.js";

const plainPaint = { good: (text: string) => text, bad: (text: string) => text };

function explained(cluster: SimCluster): string {
  return explanationText(explain(cluster.store, "web", cluster.clock.now()), plainPaint);
}

async function planned(cluster: SimCluster, change: (spec: ServiceSpec) => ServiceSpec): Promise<string> {
  const { leading, store } = cluster;
  const service = [...store.table("service").all()].find(({ name }) => name === "web");
  if (leading === undefined || service === undefined) throw new Error("nobody leads");
  const before = store.revision;
  const wish = {
    ...{ service: "web", version: undefined, spec: change(specOf(store, service)) },
    options: { rollback: false, registryAuthFrom: "spec" as const, nowMs: cluster.clock.now() },
  };
  const answer = await plan(leading.control, wish, cluster.clock.now(), async () => undefined);
  expect(store.revision).toBe(before);
  return planText({ ...answer.plan, Changes: [] }, plainPaint);
}

describe("three nodes, a label, one replica each, and a port that somebody holds", () => {
  test("is explained node by node, and each hint brings one more replica", async () => {
    const cluster = await SimCluster.start({ hosts: 3 });
    for (const name of ["w1", "w2"]) await cluster.do(cluster.user.setLabel(name, "disk", "ssd"));
    await cluster.do(cluster.user.setLabel("w3", "disk", "hdd"));
    await cluster.do(
      cluster.user.create({ name: "old-web", hostPort: 8080, constraints: ["node.hostname==w2"], stopGraceMs: 1_000 }),
    );
    await cluster.eventually("old-web runs", () => cluster.running("old-web").length === 1);
    const placement = { constraints: ["node.labels.disk==ssd"], maxReplicasPerNode: 1, hostPort: 8080 };
    await cluster.do(cluster.user.create({ name: "web", replicas: 3, stopGraceMs: 1_000, ...placement }));
    await cluster.eventually("one runs", () => cluster.running("web").length === 1);
    await cluster.advance(41_000);

    const text = explained(cluster);
    expect(text).toMatch(/^web: 1 of 3 tasks runs; 2 wait\.\n/);
    expect(text).toMatch(
      /web\.\d, web\.\d wait in the scheduler since \d\d:\d\d:\d\d UTC \(4\d seconds ago\): no suitable node \(/,
    );
    expect(text).toMatch(/ {2}w2 +constraint ok +port: 8080\/tcp is held by old-web\.1 +max-replicas-per-node ok\n/);
    expect(text).toMatch(
      / {2}w3 .*constraint: node\.labels\.disk is "hdd", wanted "ssd" +port ok +max-replicas-per-node ok\n/,
    );
    expect(text).toMatch(/ {2}w1 .*max-replicas-per-node: it has 1 task of the service, at most 1 may be on a node\n/);
    expect(text).toMatch(/\nWould help: 'skep node update --label-add disk=ssd w3', or 'skep service rm old-web'\.\n$/);

    await cluster.do(cluster.user.setLabel("w3", "disk", "ssd"));
    await cluster.eventually("two run", () => cluster.running("web").length === 2);
    expect(explained(cluster)).toContain("\nWould help: 'skep service rm old-web'.\n");
    await cluster.do(cluster.user.remove("old-web"));
    await cluster.eventually("three run", () => cluster.running("web").length === 3);
    await cluster.eventually("all is well", () => explained(cluster) === "web: 3 of 3 tasks run. Nothing waits.\n");
  });
});

test("a service that fails says with what, and when it is tried again", async () => {
  const cluster = await SimCluster.start({ hosts: 1 });
  await cluster.do(cluster.user.create({ name: "web", sim: "exit=3@1s", restartDelayMs: 4_000, maxAttempts: 5 }));
  await cluster.eventually("it failed twice", () => cluster.tasks("web").length >= 3);
  await cluster.eventually("it waits", () => / waits to be started again /.test(explained(cluster)));
  const text = explained(cluster);
  expect(text).toMatch(
    /\nweb\.1 waits to be started again since .*, until \d\d:\d\d:\d\d UTC \(in \d+ seconds?\) at the latest: its restart delay/,
  );
  expect(text).toMatch(
    /\nweb\.1 failed \d times, last on w1 at .*: task: non-zero exit \(3\)\. It is started again at .* \(in \d+ seconds?\)\. \d attempts? left\.\n/,
  );
});

test("an image that is pulled slowly is seen to be pulled", async () => {
  const cluster = await SimCluster.start({ hosts: 1 });
  await cluster.do(cluster.user.create({ name: "web", sim: "pull=30s" }));
  await cluster.advance(2_000);
  expect(explained(cluster)).toMatch(
    /^web: 0 of 1 task runs; 1 waits\.\nweb\.1 waits at w1 \(preparing\) since .* UTC \(\d seconds? ago\): /,
  );
});

test("a plan is told in a few sentences, and what it says happens", async () => {
  const cluster = await SimCluster.start({ hosts: 3 });
  await cluster.do(cluster.user.create({ name: "web", replicas: 3, stopGraceMs: 1_000, updateDelayMs: 10_000 }));
  await cluster.eventually("three run", () => explained(cluster).startsWith("web: 3 of 3"));
  const change = (spec: ServiceSpec): ServiceSpec =>
    spec.task?.container === undefined
      ? spec
      : { ...spec, task: { ...spec.task, container: { ...spec.task.container, image: "nginx:2" } } };
  expect(await planned(cluster, change)).toBe(
    "3 tasks would be replaced, one at a time, 10s apart, each old one before the new one starts; at least 2 stay running.\n" +
      "The new tasks would go: 1 on w1, 1 on w2, 1 on w3.\n" +
      "Pauses if one fails within 5s of its start. Nothing was changed. " +
      "Run 'skep service update …' with the same flags to do it.\n",
  );
  await cluster.do(cluster.user.update("web", change));
  await cluster.throughout("two run", () => cluster.running("web").length >= 2, 60_000);
  expect(await planned(cluster, change)).toBe("Nothing would change: web is as asked, 3 tasks running.\n");
});

describe("other modes", () => {
  test("a global service tells which nodes it is not on; its plan keeps each task on its node", async () => {
    const cluster = await SimCluster.start({ hosts: 3 });
    await cluster.do(cluster.user.setAvailability("w3", "DRAIN"));
    await cluster.do(cluster.user.create({ name: "web", mode: "global", stopGraceMs: 1_000, hostPort: 8080 }));
    await cluster.eventually("both run", () =>
      explained(cluster).startsWith("web: 2 of 2 tasks run. Nothing waits.\n"),
    );
    expect(explained(cluster)).toContain("\nNo task on w3: its availability is drain.\n");
    const change = (spec: ServiceSpec): ServiceSpec => ({
      ...spec,
      task: spec.task && { ...spec.task, forceUpdate: 1 },
    });
    const text = await planned(cluster, change);
    expect(text).toMatch(/^2 tasks would be replaced, one at a time, .*; at least 1 stay running\.\n/);
    expect(text).toContain("The new tasks would go: 1 on w1, 1 on w2.\n");
    const narrowed = await planned(cluster, (spec) => ({
      ...spec,
      task: spec.task && { ...spec.task, placement: { ...emptyPlacement, constraints: ["node.hostname==w1"] } },
    }));
    expect(narrowed).toMatch(/^1 task would be removed\./);
  });

  test("a job tells how far it is, and that another run begins anew", async () => {
    const cluster = await SimCluster.start({ hosts: 2 });
    await cluster.do(
      cluster.user.create({ name: "web", mode: "replicated-job", replicas: 4, maxConcurrent: 2, sim: "exit=0@5s" }),
    );
    await cluster.eventually("half is done", () => / 2 of 4 completed; 2 run/.test(explained(cluster)));
    expect(explained(cluster)).toMatch(/^web: run 1 of the replicated-job; 2 of 4 completed; 2 run\./);
    await cluster.eventually("all is done", () =>
      explained(cluster).endsWith(" 4 of 4 completed; 0 run. Nothing waits.\n"),
    );
    const change = (spec: ServiceSpec): ServiceSpec => ({
      ...spec,
      task: spec.task && { ...spec.task, forceUpdate: 1 },
    });
    const again = await planned(cluster, change);
    expect(again).toContain("2 tasks would be added.");
    expect(again).toContain("WARNING: The job begins anew: what an earlier run has completed does not count.\n");
  });
});

const emptyPlacement = { constraints: [], preferences: [], maxReplicas: 0, platforms: [] };

test("what ran on a host that is lost is not said to run", async () => {
  const cluster = await SimCluster.start({ hosts: 2 });
  await cluster.do(cluster.user.create({ name: "web", replicas: 2, maxReplicasPerNode: 1, stopGraceMs: 1_000 }));
  await cluster.eventually("both run", () => explained(cluster).startsWith("web: 2 of 2 tasks run."));
  cluster.host("w2").powerOff();
  const told = /^web: 1 of 2 tasks runs; 1 waits\.\n[^]*\n {2}w2 +node: it is down/;
  await cluster.eventually("it is told", () => told.test(explained(cluster)));
});
