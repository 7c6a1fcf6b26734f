// docs/behaviour.md R-2xx (swarm-semantics §3.1).

import { describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import type { Node, Task } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { scale } from "../../src/manager/orchestrator/replicated/scale.js";
import { slotsOf } from "../../src/manager/orchestrator/replicated/slots.js";
import { freshRecord } from "../../src/manager/orchestrator/restart/policy.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { aNode, aTask, type ServiceOptions } from "../support/memory.js";
import { aWorld, created, lines, nowMs } from "../support/world.js";

const nodes = [aNode({ id: "n1" }), aNode({ id: "n2" }), aNode({ id: "n3" })];

/** "slot node state [desired]" → a task called t<slot>, or t<slot>b … for further ones of the slot. */
function tasksOf(...rows: readonly string[]): readonly Task[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const [slot = "1", nodeId = "-", state = "RUNNING", desired = "RUNNING"] = row.split(" ");
    const count = seen.get(slot) ?? 0;
    seen.set(slot, count + 1);
    const id = `t${slot}${count === 0 ? "" : String.fromCharCode(97 + count)}`;
    return aTask({
      id,
      slot: Number(slot),
      nodeId: nodeId === "-" ? "" : nodeId,
      state: state as "RUNNING",
      desired: desired as "RUNNING",
      atMs: nowMs + count,
    });
  });
}

function scaled(
  replicas: number,
  tasks: readonly Task[],
  options: ServiceOptions = {},
  on: readonly Node[] = nodes,
): readonly string[] {
  const world = aWorld({ nodes: on, replicas, ...options });
  return lines(scale(world, slotsOf(world, tasks), replicas));
}

describe("R-201 missing replicas go into the lowest free slots", () => {
  test.each([
    { title: "none there", there: [], replicas: 2, expected: ["create 1 RUNNING r1", "create 2 RUNNING r1"] },
    {
      title: "a gap is filled first",
      there: ["2 n1", "4 n2"],
      replicas: 4,
      expected: ["create 1 RUNNING r1", "create 3 RUNNING r1"],
    },
    { title: "enough there", there: ["1 n1", "2 n2"], replicas: 2, expected: [] },
  ])("$title", ({ there, replicas, expected }) => {
    expect(scaled(replicas, tasksOf(...there))).toEqual(expected);
  });

  test("a slot whose old task still stops is held until it did", () => {
    expect(scaled(1, tasksOf("1 n1 RUNNING REMOVE"))).toEqual(["create 1 READY r1"]);
  });
});

describe("R-202 which slots go", () => {
  test.each([
    { title: "high numbers first", there: ["1 n1", "2 n2", "3 n3"], keep: 1, gone: ["t2", "t3"] },
    {
      title: "the second copy on a node before the first on another",
      there: ["1 n1", "2 n1", "3 n2"],
      keep: 2,
      gone: ["t2"],
    },
    {
      title: "one that does not run before one that does",
      there: ["1 n1 READY", "2 n2", "3 n3"],
      keep: 2,
      gone: ["t1"],
    },
    { title: "one without a node first of all", there: ["1 - PENDING", "2 n1", "3 n1"], keep: 2, gone: ["t1"] },
    {
      title: "a slot with two tasks before all with one",
      there: ["1 n1", "1 n2", "2 n1", "3 n3"],
      keep: 2,
      gone: ["t1", "t1b"],
    },
    { title: "all", there: ["1 n1", "2 n2"], keep: 0, gone: ["t1", "t2"] },
  ])("$title", ({ there, keep, gone }) => {
    const removed = scaled(keep, tasksOf(...there)).map((line) => line.split(" ").find((word) => word.startsWith("t")));
    expect(new Set(removed)).toEqual(new Set(gone));
  });

  test("ties are broken the same way every time: the nodes stay even", () => {
    const there = Array.from({ length: 12 }, (_, at) => `${at + 1} n${(at % 3) + 1}`);
    const left = scaled(6, tasksOf(...there)).map((line) => Number(line.split(" ")[0]?.slice(1)));
    expect(left.toSorted((a, b) => a - b)).toEqual([7, 8, 9, 10, 11, 12]);
  });
});

describe("R-518 which slots go of a service that spreads over labels", () => {
  const at = (id: string, dc: string, rack: string) => aNode({ id, labels: { dc, rack } });
  const labelled = [at("a", "x", "1"), at("b", "x", "1"), at("c", "x", "2"), at("d", "y", "3"), aNode({ id: "e" })];
  const gone = (keep: number, spread: readonly string[], ...there: readonly string[]): readonly string[] => {
    const preferences = spread.map((each) => ({ spread: each }));
    const spec = { task: { placement: { preferences } } };
    return scaled(keep, tasksOf(...there), { spec }, labelled)
      .map((line) => line.split(" ").find((word) => word.startsWith("t")) ?? "")
      .toSorted();
  };

  test("those of the fullest value, whatever else runs on their nodes", () => {
    // By nodes alone t4 on d would go first, as the second copy there.
    expect(gone(4, ["node.labels.dc"], "1 a", "2 b", "3 d", "4 d", "5 c")).toEqual(["t5"]);
    expect(gone(2, ["node.labels.dc"], "1 a", "2 b", "3 d", "4 d", "5 c")).toEqual(["t2", "t4", "t5"]);
  });

  test("at each level of nested preferences", () => {
    const nested = ["node.labels.dc", "node.labels.rack"];
    expect(gone(2, nested, "1 a", "2 b", "3 c", "4 d")).toEqual(["t2", "t3"]);
    expect(gone(3, nested, "1 a", "2 b", "3 c", "4 d")).toEqual(["t2"]);
  });

  test("nodes without the label are one value, nodes that are gone none", () => {
    expect(gone(2, ["node.labels.dc"], "1 e", "2 e", "3 a", "4 zz")).toEqual(["t2", "t4"]);
  });

  test("what is placed evenly stays even, down to the last", () => {
    const there = ["1 a", "2 d", "3 e", "4 b", "5 d", "6 e", "7 c", "8 d", "9 e"];
    const value = new Map([
      ["a", "x"],
      ["b", "x"],
      ["c", "x"],
      ["d", "y"],
      ["e", ""],
    ]);
    for (let keep = 0; keep <= there.length; keep++) {
      const removed = gone(keep, ["node.labels.dc"], ...there);
      const left = there.filter((row) => !removed.includes(`t${row.split(" ")[0]}`));
      const counts = ["x", "y", ""].map((each) => left.filter((row) => value.get(row.slice(2)) === each).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(left).toHaveLength(keep);
    }
  });
});

describe("R-203 dead slots", () => {
  test("are cleared away", () => {
    expect(scaled(1, tasksOf("1 n1", "2 n2 FAILED SHUTDOWN", "3 n3 RUNNING SHUTDOWN"))).toEqual([
      "delete t2",
      "t3 REMOVE",
    ]);
  });

  test("keep their history when they are reused", () => {
    expect(scaled(2, tasksOf("1 n1", "2 n2 FAILED SHUTDOWN"))).toEqual(["create 2 RUNNING r1"]);
  });
});

describe("R-204 a finished task counts as a replica", () => {
  test.each([
    { title: "none: completed", restart: "NONE", state: "COMPLETE", made: 0 },
    { title: "none: failed", restart: "NONE", state: "FAILED", made: 0 },
    { title: "on-failure: completed", restart: "ON_FAILURE", state: "COMPLETE", made: 0 },
    { title: "on-failure: failed", restart: "ON_FAILURE", state: "FAILED", made: 1 },
    { title: "any: completed", restart: "ANY", state: "COMPLETE", made: 1 },
  ] as const)("$title", ({ restart, state, made }) => {
    expect(scaled(1, tasksOf(`1 n1 ${state} SHUTDOWN`), { restart })).toHaveLength(made);
  });

  test("also when the one it replaced ended later", () => {
    const [old, done] = tasksOf("1 n2 ORPHANED SHUTDOWN", "1 n1 COMPLETE SHUTDOWN");
    if (old === undefined || done === undefined) throw new Error("two tasks");
    const replaced = { ...old, status: old.status && { ...old.status, appliedAt: wallTime(nowMs + 60_000) } };
    const finished = { ...done, restart: freshRecord(old.id) };
    expect(scaled(1, [replaced, finished], { restart: "ON_FAILURE" })).toEqual([]);
  });

  test("one that is being removed does not", () => {
    expect(scaled(1, tasksOf("1 n1 SHUTDOWN REMOVE"), { restart: "NONE" })).toHaveLength(1);
  });
});

describe("R-205 what is scaled away", () => {
  test.each([
    { title: "stops before it is deleted", task: "1 n1 RUNNING", expected: ["t1 REMOVE"] },
    { title: "goes at once when it has no container", task: "1 - PENDING", expected: ["delete t1"] },
  ])("$title", ({ task, expected }) => {
    expect(scaled(0, tasksOf(task))).toEqual(expected);
  });

  test("takes its history with it", () => {
    expect(scaled(0, tasksOf("1 n1 FAILED SHUTDOWN", "1 n1 RUNNING"))).toEqual(["delete t1", "t1b REMOVE"]);
  });
});

describe("R-206, R-207, R-208 what becomes of a task on a node that", () => {
  const drained = aNode({ id: "n1", availability: NodeAvailability.DRAIN });
  const rows = [
    {
      title: "is drained: the new one waits",
      node: drained,
      restart: "ANY",
      expected: ["t1 SHUTDOWN + create 1 READY r1"],
    },
    {
      title: "is drained, under condition none",
      node: drained,
      restart: "NONE",
      expected: ["t1 SHUTDOWN + create 1 READY r1"],
    },
    {
      title: "is paused: stays",
      node: aNode({ id: "n1", availability: NodeAvailability.PAUSE }),
      restart: "ANY",
      expected: [],
    },
    {
      title: "is down: at once",
      node: aNode({ id: "n1", state: "DOWN" }),
      restart: "ANY",
      expected: ["t1 SHUTDOWN + create 1 RUNNING r1"],
    },
    {
      title: "is down, under condition none",
      node: aNode({ id: "n1", state: "DOWN" }),
      restart: "NONE",
      expected: ["t1 SHUTDOWN + create 1 RUNNING r1"],
    },
    { title: "was removed", node: undefined, restart: "ANY", expected: ["t1 SHUTDOWN + create 1 RUNNING r1"] },
    { title: "is away for a moment: stays", node: aNode({ id: "n1", suspended: true }), restart: "ANY", expected: [] },
    { title: "is back: stays", node: aNode({ id: "n1" }), restart: "ANY", expected: [] },
  ] as const;
  test.each(rows)("$title", ({ node, restart, expected }) => {
    const world = aWorld({ nodes: node ? [node] : [], restart });
    expect(lines(supervise(world, tasksOf("1 n1")).steps)).toEqual(expected);
  });

  test.each(["ANY", "NONE"] as const)("was removed by force while it ran there, under condition %s", (restart) => {
    const [removed] = tasksOf("1 n1 ORPHANED");
    const world = aWorld({ nodes: [], restart, maxAttempts: 2 });
    const { steps } = supervise(world, removed ? [removed] : []);
    expect(lines(steps)).toEqual(["t1 SHUTDOWN + create 1 RUNNING r1"]);
    expect(created(steps)[0]?.restart?.starts).toEqual([]);
  });

  test("is down, but it had ended: its policy decides", () => {
    const world = aWorld({ nodes: [aNode({ id: "n1", state: "DOWN" })], restart: "NONE" });
    expect(lines(supervise(world, tasksOf("1 n1 FAILED")).steps)).toEqual(["t1 SHUTDOWN"]);
  });

  test("the replacement names what it replaces and goes on counting", () => {
    const world = aWorld({ nodes: [drained], maxAttempts: 3 });
    const [task] = tasksOf("1 n1");
    const restart = {
      starts: [{ seconds: 1, nanos: 0 }],
      backoffMs: 20_000,
      notBefore: undefined,
      replaces: "x",
      runningSince: undefined,
    };
    const made = task ? created(supervise(world, [{ ...task, restart }]).steps)[0]?.restart : undefined;
    expect(made).toEqual({ ...restart, replaces: "t1" });
  });
});
