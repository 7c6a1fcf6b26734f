// An update that is taken back before anything of it ran: whole-cluster seed 30007.

import { expect, test } from "vitest";
import { isWanted } from "../../src/model/index.js";
import { type ServiceWish, SimCluster } from "../../src/sim/cluster/index.js";
import { specOf } from "../../src/store/index.js";

test("start-first: of two tasks that waited, the one whose spec is asked for again stays, though it runs last", async () => {
  const cluster = await SimCluster.start();
  const web: ServiceWish = {
    ...{ name: "web", replicas: 1, image: "nginx:1", order: "START_FIRST" },
    ...{ constraints: ["node.labels.zone==a"], sim: "start=2s" },
  };
  await cluster.do(cluster.user.create(web));
  await cluster.advance(100);
  const [service] = cluster.store.table("service").all();
  const first = service && specOf(cluster.store, service);
  await cluster.do(cluster.user.calm("web", "nginx:2"));
  await cluster.advance(100);
  expect(cluster.tasks("web").filter(isWanted)).toHaveLength(2);
  await cluster.do(cluster.user.update("web", (spec) => ({ ...spec, task: first?.task })));
  await cluster.do(cluster.user.setLabel("w1", "zone", "a"));
  await cluster.eventually("both run", () => cluster.running("web").length === 2);
  await cluster.advance(10_000);
  expect(cluster.running("web")).toHaveLength(1);
  expect(cluster.tasks("web").filter(isWanted)).toMatchObject([{ revision: 1 }]);
});
