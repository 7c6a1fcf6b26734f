// docs/behaviour.md R-6xx (swarm-semantics §2.6, §3.8).

import { describe, expect, test } from "vitest";
import { Revision, type Task } from "../../src/gen/skep/v1/objects.js";
import { violations } from "../../src/manager/orchestrator/enforcer/violations.js";
import { historyLimit, surplus } from "../../src/manager/orchestrator/reaper/history.js";
import { revisionsKept, unneeded } from "../../src/manager/orchestrator/reaper/revisions.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type ServiceOptions,
  type TaskOptions,
} from "../support/memory.js";

describe("R-601, R-602 how much history a slot keeps", () => {
  test.each([
    { title: "5 by default", cluster: aCluster(), spec: {}, expected: 5 },
    { title: "what the cluster says", cluster: aCluster({ historyLimit: 2 }), spec: {}, expected: 2 },
    { title: "0 is a limit", cluster: aCluster({ historyLimit: 0 }), spec: {}, expected: 0 },
    { title: "max_attempts and one", cluster: aCluster({ historyLimit: 2 }), spec: { maxAttempts: 7 }, expected: 8 },
  ])("$title", ({ cluster, spec, expected }) => {
    expect(historyLimit(cluster, aServiceSpec(spec))).toBe(expected);
  });
});

describe("R-603 what goes", () => {
  const dead = (id: string, atMs: number): Task => aTask({ id, state: "FAILED", desired: "SHUTDOWN", atMs });
  const live = aTask({ id: "live", state: "RUNNING", atMs: 1 });
  const rows: readonly { title: string; tasks: readonly Task[]; limit: number; gone: readonly string[] }[] = [
    { title: "nothing within the limit", tasks: [live, dead("a", 2), dead("b", 3)], limit: 3, gone: [] },
    { title: "the oldest", tasks: [dead("b", 3), live, dead("a", 2)], limit: 2, gone: ["a"] },
    { title: "never what still runs", tasks: [live, dead("a", 2)], limit: 0, gone: ["a"] },
    {
      title: "what was never placed and is not wanted",
      tasks: [live, aTask({ id: "p", state: "PENDING", desired: "SHUTDOWN", atMs: 2 })],
      limit: 1,
      gone: ["p"],
    },
    {
      title: "not what is still stopping",
      tasks: [live, aTask({ id: "s", state: "RUNNING", desired: "SHUTDOWN", atMs: 2 })],
      limit: 1,
      gone: [],
    },
    { title: "nothing when the limit is negative", tasks: [live, dead("a", 2), dead("b", 3)], limit: -1, gone: [] },
  ];
  test.each(rows)("$title", ({ tasks, limit, gone }) => {
    expect(surplus(tasks, limit).map((task) => task.id)).toEqual(gone);
  });
});

describe("R-605 which specs are kept", () => {
  const revisions = Array.from({ length: 14 }, (_, at) =>
    Revision.fromPartial({ id: `s.${at + 1}`, serviceId: "s", number: at + 1 }),
  );
  const { service } = aService({ id: "s", number: 14 });
  const gone = (options: Parameters<typeof unneeded>[1], used: readonly number[] = []) =>
    unneeded(revisions, options, (revision) => used.includes(revision.number)).map((revision) => revision.number);

  test("the ten newest", () => {
    expect(revisionsKept).toBe(10);
    expect(new Set(gone(service))).toEqual(new Set([1, 2, 3, 4]));
  });

  test("those a task or the service uses", () => {
    expect(gone({ ...service, revision: 1, previousRevision: 3 }, [4])).toEqual([2]);
  });

  test("of a removed service only those its tasks use", () => {
    expect(gone(undefined, [14, 2]).toSorted((a, b) => a - b)).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });
});

describe("R-606 what a changed node holds no more", () => {
  const placed = (id: string, service: ServiceOptions, task: TaskOptions = {}) => {
    const made = aServiceSpec(service);
    const createdAt = { seconds: Number(id.slice(1)), nanos: 0 };
    return {
      task: aTask({
        id,
        nodeId: "n",
        state: "RUNNING",
        ...task,
        task: { meta: { version: 1, createdAt, updatedAt: createdAt }, ...task.task },
      }),
      made,
      current: made,
    };
  };
  const ids = (...args: Parameters<typeof violations>) => violations(...args).map((task) => task.id);
  const ssd = { constraints: ["node.labels.disk==ssd"] };

  test("tasks whose constraints it does not satisfy", () => {
    expect(ids(aNode({ id: "n" }), [placed("t1", ssd), placed("t2", {})])).toEqual(["t1"]);
    expect(ids(aNode({ id: "n", labels: { disk: "ssd" } }), [placed("t1", ssd)])).toEqual([]);
  });

  test("the service's constraints of now count", () => {
    expect(ids(aNode({ id: "n" }), [{ ...placed("t1", {}), current: aServiceSpec(ssd) }])).toEqual(["t1"]);
  });

  test("the newest tasks, where there is not enough for all", () => {
    const one = { nanoCpus: 1e9 };
    expect(ids(aNode({ id: "n", nanoCpus: 2e9 }), [placed("t3", one), placed("t1", one), placed("t2", one)])).toEqual([
      "t3",
    ]);
  });

  test.each([
    { title: "one that ended", options: { state: "COMPLETE" } },
    { title: "one that was told to stop", options: { desired: "SHUTDOWN" } },
    { title: "one without reservations on a node without resources", options: {}, service: {} },
  ] as const)("not $title", ({ options, ...rest }) => {
    const service = "service" in rest ? rest.service : ssd;
    expect(ids(aNode({ id: "n", nanoCpus: 0, memoryBytes: 0 }), [placed("t1", service, options)])).toEqual([]);
  });

  test("a name that is gone: its task goes, the others stay", () => {
    const given = (value: string): TaskOptions => ({
      task: { assignedGeneric: [{ kind: "gpu", amount: { $case: "named", value } }] },
    });
    const node = aNode({
      id: "n",
      node: {
        description: {
          resources: {
            nanoCpus: 1,
            memoryBytes: 1,
            generic: [{ kind: "gpu", amount: { $case: "named", value: "b" } }],
          },
        },
      },
    });
    expect(ids(node, [placed("t1", {}, given("a")), placed("t2", {}, given("b"))])).toEqual(["t1"]);
  });
});
