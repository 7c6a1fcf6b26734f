// What the scheduler would say and do, asked by `service explain` and `service plan`.

import { describe, expect, test } from "vitest";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { needsOf } from "../../src/scheduler/decide/needs.js";
import { nodeInfoOf, nodeSetOf, planPlacement, refusalOf } from "../../src/scheduler/index.js";
import {
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type MemoryStore,
  memoryStore,
  type NodeOptions,
  putService,
  type ServiceOptions,
} from "../support/memory.js";

const gib = 2 ** 30;

async function withTask(options: ServiceOptions, node: NodeOptions = {}): Promise<MemoryStore> {
  const m = memoryStore();
  await m.writer.update((tx) => {
    putService(tx, aService({ id: "old", ...options }));
    tx.put("node", aNode({ id: "n1", ...node }));
    tx.put("task", aTask({ id: "holder", serviceId: "old", state: "RUNNING", nodeId: "n1" }));
  });
  return m;
}

describe("why a node refuses a task, with figures", () => {
  const rows: readonly { node?: NodeOptions; runs?: ServiceOptions; asks: ServiceOptions; why: string | undefined }[] =
    [
      { asks: {}, why: undefined },
      { node: { state: "DOWN" }, asks: {}, why: "ready: it is down" },
      { node: { availability: NodeAvailability.DRAIN }, asks: {}, why: "ready: its availability is drain" },
      { node: { suspended: true }, asks: {}, why: "ready: its daemon or its engine is away" },
      {
        runs: { memoryBytes: 7.5 * gib, nanoCpus: 3e9 },
        asks: { memoryBytes: gib, nanoCpus: 1.5e9 },
        why: "resource: 1.5 CPUs needed, 1 free of 4, 1 GiB of memory needed, 512 MiB free of 8 GiB",
      },
      {
        node: { labels: { disk: "hdd" } },
        asks: { constraints: ["node.labels.disk==ssd"] },
        why: 'constraint: node.labels.disk is "hdd", wanted "ssd"',
      },
      {
        asks: { constraints: ["node.labels.disk==ssd", "node.hostname!=n1"] },
        why: 'constraint: node.labels.disk is not set, wanted "ssd", node.hostname is "n1", wanted anything but "n1"',
      },
      { asks: { constraints: ["node.mood==good"] }, why: "constraint: there is no such thing as node.mood" },
      {
        asks: { spec: { task: { placement: { platforms: [{ os: "linux", architecture: "arm64" }] } } } },
        why: "platform: it runs linux/amd64, the image linux/arm64",
      },
      { runs: { hostPorts: [80] }, asks: { hostPorts: [80] }, why: "host port: port 80/tcp is held by task holder" },
      {
        asks: { maxReplicas: 1 },
        why: "max replicas: it has 1 task of the service, at most 1 may be on a node",
      },
      {
        asks: {
          spec: {
            task: {
              resources: { reservations: { generic: [{ kind: "gpu", amount: { $case: "discrete", value: 2 } }] } },
            },
          },
        },
        why: "resource: 2 gpu needed, 0 free of 0",
      },
    ];
  test.each(rows)("$why", async ({ node = {}, runs = {}, asks, why }) => {
    const { store } = await withTask(runs, node);
    const row = store.table("node").get("n1");
    if (row === undefined) throw new Error("no node");
    const refusal = refusalOf({ serviceId: "old", needs: needsOf(aServiceSpec(asks)) }, nodeInfoOf(store, row));
    expect(refusal && `${refusal.filter}: ${refusal.detail}`).toBe(why);
  });

  test("what one node holds is the same whether it is looked at alone or with all", async () => {
    const { store } = await withTask({ nanoCpus: 1e9, hostPorts: [80] });
    const row = store.table("node").get("n1");
    const [alone, among] = [row && nodeInfoOf(store, row), nodeSetOf(store, 0).get("n1")];
    expect(alone?.freeCpus).toBe(3e9);
    expect(among?.freeCpus).toBe(alone?.freeCpus);
    expect(among?.hostPorts).toEqual(alone?.hostPorts);
    expect(among?.countOf("old")).toBe(1);
  });
});

test("a plan says where tasks would go, or which filter refuses how many nodes, and writes nothing", async () => {
  const m = await withTask({ nanoCpus: 3e9 });
  await m.writer.update((tx) => tx.put("node", aNode({ id: "n2", nanoCpus: 2e9 })));
  const { revision } = m.store;
  const planned = (leaving: readonly string[]) =>
    planPlacement(
      m.store,
      ["a", "b"].map((taskId) => ({
        taskId,
        serviceId: "new",
        revision: 1,
        spec: aServiceSpec({ nanoCpus: 2e9 }),
        networkIds: [],
      })),
      { nowMs: 0, leaving },
    );
  const refused = [{ filter: "resource", count: 2 }];
  const reason = "no suitable node (insufficient resources on 2 nodes)";
  expect(planned([])).toEqual([
    { taskId: "a", nodeId: "n2" },
    { taskId: "b", nodeId: undefined, reason, refused },
  ]);
  expect(planned(["holder"]).map(({ nodeId }) => nodeId)).toEqual(["n1", "n2"]);
  expect(m.store.revision).toBe(revision);
});
