import { beforeEach, describe, expect, test } from "vitest";
import { wallTime } from "../../../src/base/index.js";
import { NodeState, TaskState } from "../../../src/gen/skep/v1/objects.js";
import { type DeepPartial, NodeAvailability, NodeRole, NodeSpec } from "../../../src/gen/skep/v1/specs.js";
import { aTask } from "../../support/memory.js";
import { type Controlled, controlled } from "./support.js";

let c: Controlled;
beforeEach(async () => {
  c = await controlled();
});

const node = (id: string) => {
  const row = c.store.table("node").get(id);
  if (row === undefined) throw new Error(`no node ${id}`);
  return row;
};
const version = (id: string): number => node(id).meta?.version ?? 0;
const spec = (fields: DeepPartial<NodeSpec>) => NodeSpec.fromPartial({ annotations: {}, ...fields });
const down = (id: string): Promise<void> =>
  c.writer.update((tx) =>
    tx.put("node", {
      ...node(id),
      status: { state: NodeState.DOWN, message: "", addr: "", since: undefined, suspended: false },
    }),
  );

describe("update", () => {
  test("changes the spec, by id or hostname", async () => {
    await c.control.nodes.update(c.request(), "h2", version("w1"), spec({ availability: NodeAvailability.DRAIN }));
    expect(node("w1").spec?.availability).toBe(NodeAvailability.DRAIN);
    expect(node("w1").specVersion).toBe(version("w1"));
  });

  test("a status that moved on does not outdate what a client saw", async () => {
    await c.control.nodes.update(c.request(), "w1", version("w1"), spec({ availability: NodeAvailability.PAUSE }));
    const seen = version("w1");
    await down("w1");
    await c.control.nodes.update(c.request(), "w1", seen, spec({}));
    await expect(c.control.nodes.update(c.request(), "w1", seen, spec({}))).rejects.toThrow("update out of sequence");
    await expect(c.control.nodes.update(c.request(), "w1", 0, spec({}))).rejects.toThrow("update out of sequence");
  });

  test("a drain is dated when it begins, and its timeout stays when a client does not name it", async () => {
    const update = (fields: DeepPartial<NodeSpec>) =>
      c.control.nodes.update(c.request(), "w1", version("w1"), spec(fields));
    await update({ availability: NodeAvailability.DRAIN, drainTimeout: { seconds: 300 } });
    const began = node("w1").drainingSince;
    expect(began).toEqual(wallTime(c.clock.now()));
    await c.clock.advance(1_000);
    await update({ availability: NodeAvailability.DRAIN });
    expect(node("w1")).toMatchObject({ drainingSince: began, spec: { drainTimeout: { seconds: 300 } } });
    await update({});
    expect(node("w1").drainingSince).toBeUndefined();
    expect(node("w1").spec?.drainTimeout).toMatchObject({ seconds: 300 });
  });

  test("a worker is promoted and demoted again", async () => {
    await c.control.nodes.update(c.request(), "w1", version("w1"), spec({ desiredRole: NodeRole.MANAGER }));
    expect(node("w1").spec?.desiredRole).toBe(NodeRole.MANAGER);
    await c.control.nodes.update(c.request(), "w1", version("w1"), spec({}));
    expect(node("w1").spec?.desiredRole).toBe(NodeRole.WORKER);
  });
});

describe("remove", () => {
  test("refuses a manager, and without force a node that is not down", async () => {
    await expect(c.control.nodes.remove(c.request(), "m1", true)).rejects.toThrow(
      "It must be demoted to worker before removal",
    );
    await expect(c.control.nodes.remove(c.request(), "w1", false)).rejects.toThrow(
      "node w1 is not down and can't be removed",
    );
    await c.control.nodes.remove(c.request(), "w1", true);
    expect(c.store.table("node").get("w1")).toBeUndefined();
  });

  test("remembers the node until its certificate has run out", async () => {
    await c.writer.update((tx) =>
      tx.put("node", { ...node("w1"), certificate: { fingerprint: "", notAfter: { seconds: 99, nanos: 0 } } }),
    );
    await down("w1");
    await c.control.nodes.remove(c.request(), "w1", false);
    expect(c.store.cluster?.removedNodes).toEqual([{ nodeId: "w1", until: { seconds: 99, nanos: 0 } }]);
  });

  test("2,500 tasks become orphans in transactions that fit, those that are over stay as they were", async () => {
    await down("w1");
    for (let part = 0; part < 5; part++) {
      await c.writer.update((tx) => {
        for (let at = 0; at < 500; at++)
          tx.put("task", aTask({ id: `t${part}-${at}`, nodeId: "w1", state: "RUNNING" }));
      });
    }
    await c.writer.update((tx) => tx.put("task", aTask({ id: "over", nodeId: "w1", state: "FAILED" })));
    const before = c.store.revision;
    await c.control.nodes.remove(c.request(), "w1", false);
    expect(c.store.revision).toBe(before + 5);
    const states = [...c.store.table("task").all()].map((task) => task.status?.state);
    expect(states.filter((state) => state === TaskState.ORPHANED)).toHaveLength(2_500);
    expect(c.store.table("task").get("over")?.status?.state).toBe(TaskState.FAILED);
    expect(c.store.table("task").get("t0-0")?.status?.message).toBe("Task belonged to a node that has been deleted");
  });

  test("a repeated request for a node that is gone by it is no error, another one is", async () => {
    await down("w1");
    const request = c.request();
    await c.control.nodes.remove(request, "w1", false);
    await c.control.nodes.remove(request, "w1", false);
    await expect(c.control.nodes.remove(c.request(), "w1", false)).rejects.toThrow("node w1 not found");
  });
});

describe("the cluster", () => {
  test("takes a new spec of the version seen, and has tokens rotated by the authority", async () => {
    const { cluster } = c.store;
    if (cluster?.spec === undefined) throw new Error("no cluster");
    const at = cluster.meta?.version ?? 0;
    const changed = { ...cluster.spec, orchestration: { taskHistoryRetentionLimit: 2 } };
    await c.control.cluster.update(c.request(), at, changed, { worker: true, manager: false });
    expect(c.store.cluster?.spec?.orchestration?.taskHistoryRetentionLimit).toBe(2);
    expect(c.rotated).toEqual([{ worker: true, manager: false }]);
    await expect(c.control.cluster.update(c.request(), at, changed, { worker: false, manager: false })).rejects.toThrow(
      "update out of sequence",
    );
  });
});
