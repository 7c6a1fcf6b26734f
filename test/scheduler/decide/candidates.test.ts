// The quick way to a node against the dumbest: look at every node for every task.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeAvailability } from "../../../src/gen/skep/v1/specs.js";
import { spreadPath } from "../../../src/model/index.js";
import { failuresMax } from "../../../src/scheduler/decide/failures.js";
import { activeFilters, filters } from "../../../src/scheduler/decide/filters.js";
import { needsOf } from "../../../src/scheduler/decide/needs.js";
import type { NodeInfo } from "../../../src/scheduler/decide/node-info.js";
import { NodeSet } from "../../../src/scheduler/decide/node-set.js";
import { type Group, place } from "../../../src/scheduler/decide/place.js";
import { aNode, aServiceSpec, type ServiceOptions } from "../../support/memory.js";

const asks: readonly ServiceOptions[] = [
  {},
  { nanoCpus: 1e9 },
  { nanoCpus: 2e9, constraints: ["node.labels.disk==ssd"] },
  { constraints: ["node.labels.disk!=ssd", "node.hostname==n1"] },
  { hostPorts: [80] },
  { maxReplicas: 1 },
  { maxReplicas: 2, constraints: ["node.labels.disk == SSD"] },
  spreadOver(["node.labels.rack"], {}),
  spreadOver(["node.labels.rack", "node.labels.disk"], { nanoCpus: 1e9 }),
  spreadOver(["node.labels.disk"], { constraints: ["node.labels.rack==1"], maxReplicas: 2 }),
];

function spreadOver(labels: readonly string[], options: ServiceOptions): ServiceOptions {
  const { task } = aServiceSpec(options);
  const preferences = labels.map((spread) => ({ spread }));
  return { ...options, spec: { task: { ...task, placement: { ...task?.placement, preferences } } } };
}

const groups: readonly Group[] = asks.map((options, at) => {
  const needs = needsOf(aServiceSpec(options));
  return { serviceId: `s${at}`, key: `s${at}.1`, needs, filters: activeFilters(needs) };
});

/** By swarm-semantics §5.3 and §5.4, one task at a time, every node looked at. */
function chooseDumbly(set: NodeSet, group: Group, nowMs: number): NodeInfo | undefined {
  const { needs, serviceId, key } = group;
  const all = [...set.all()];
  const fitting = all.filter((info) => filters.every((each) => !each.isActive(needs) || each.passes(info, group)));
  const failures = set.failures.penalties(key, nowMs);
  const order = (a: NodeInfo, b: NodeInfo): number =>
    (failures.get(a) ?? 0) - (failures.get(b) ?? 0) ||
    a.countOf(serviceId) - b.countOf(serviceId) ||
    a.total - b.total ||
    b.freeScore - a.freeScore ||
    (a.id < b.id ? -1 : 1);
  /** Down the emptiest branches; among equally empty ones to the better of the nodes they lead to. */
  const choose = (nodes: readonly NodeInfo[], depth: number): NodeInfo | undefined => {
    if (depth > needs.spread.length) return [...nodes].sort(order)[0];
    const branch = (info: NodeInfo): string => spreadPath(info.node, needs.spread.slice(0, depth)).join("/");
    const load = (path: string): number =>
      all.filter((info) => branch(info) === path).reduce((sum, info) => sum + info.countOf(serviceId), 0);
    const least = Math.min(...nodes.map((info) => load(branch(info))));
    const emptiest = new Set(nodes.map(branch).filter((path) => load(path) === least));
    const leadTo = [...emptiest].map((path) =>
      choose(
        nodes.filter((info) => branch(info) === path),
        depth + 1,
      ),
    );
    return leadTo.filter((info) => info !== undefined).sort(order)[0];
  };
  return choose(fitting, 1);
}

const event = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("place" as const),
      group: fc.nat(groups.length - 1),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), nth: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("node" as const),
      id: fc.nat(7),
      cpus: fc.integer({ min: 0, max: 5 }),
      disk: fc.constantFrom("ssd", "hdd", ""),
      rack: fc.constantFrom("1", "2", ""),
      paused: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gone" as const), id: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("fail" as const), id: fc.nat(7), group: fc.nat(groups.length - 1) }),
  },
);

describe("choosing nodes while the cluster changes", () => {
  test.each([
    { title: "by indexes for all services", options: { fewMax: 0, holdersMax: 1_000 } },
    { title: "by indexes of their own", options: { fewMax: 0, holdersMax: 1 } },
    { title: "few nodes one by one", options: { fewMax: 1_000, holdersMax: 3 } },
  ])("$title: the same as looking at every node for every task", ({ options }) => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 5, maxLength: 40 }), (events) => {
        const set = new NodeSet(options);
        const running: string[] = [];
        let nowMs = 1_000_000;
        for (let n = 0; n < 4; n++) set.put(aNode({ id: `n${n}`, hostname: `n${n}`, nanoCpus: 4e9 }));
        for (const each of events) {
          nowMs += 20_000;
          if (each.kind === "place") {
            const group = groups[each.group];
            if (group === undefined) continue;
            const ids = Array.from({ length: each.count }, (_, n) => `t${nowMs}-${n}`);
            const expected = dumbly(set, group, ids, nowMs);
            const placed = place(set, group, ids, nowMs);
            expect(placed.map(({ info }) => info.id)).toEqual(expected);
            running.push(...placed.map(({ taskId }) => taskId));
          } else if (each.kind === "end") {
            const [taskId] = running.splice(each.nth % Math.max(1, running.length), 1);
            if (taskId !== undefined) set.vacate(taskId);
          } else if (each.kind === "node") {
            const { cpus, disk, rack, paused } = each;
            const availability = paused ? NodeAvailability.PAUSE : NodeAvailability.ACTIVE;
            const id = `n${each.id}`;
            set.put(aNode({ id, hostname: id, nanoCpus: cpus * 1e9, labels: { disk, rack }, availability }));
          } else if (each.kind === "gone") set.delete(`n${each.id}`);
          else for (let n = 0; n < failuresMax; n++) set.fail(`n${each.id}`, `s${each.group}.1`, nowMs);
        }
      }),
      { numRuns: 200 },
    );
  });

  /** Where the tasks would go; the set is left as it was. */
  function dumbly(set: NodeSet, { ...group }: Group, ids: readonly string[], nowMs: number): readonly string[] {
    const chosen: string[] = [];
    for (const taskId of ids) {
      const info = chooseDumbly(set, group, nowMs);
      if (info === undefined) break;
      chosen.push(info.id);
      const { serviceId, needs } = group;
      info.add({ taskId, serviceId, needs, generic: [], isActive: true });
    }
    for (const [at, id] of chosen.entries()) set.get(id)?.remove(ids[at] ?? "");
    return chosen;
  }
});

test("a budget is kept to: a large cluster is looked at in slices, and what changes meanwhile is not missed", () => {
  const set = new NodeSet({ fewMax: 0, holdersMax: 1 });
  for (let n = 0; n < 1_000; n++) set.put(aNode({ id: `n${String(n).padStart(4, "0")}`, labels: { disk: "hdd" } }));
  const needs = needsOf(aServiceSpec({ constraints: ["node.labels.disk==ssd"] }));
  const group = { serviceId: "s", key: "s.1", needs, filters: activeFilters(needs) };
  expect(set.prepare(group, 600)).toBe(false);
  set.put(aNode({ id: "n0003", labels: { disk: "ssd" } }));
  set.put(aNode({ id: "n0999", labels: { disk: "ssd" } }));
  while (!set.prepare(group, 100));
  expect(place(set, group, ["a", "b", "c"], 0).map(({ info }) => info.id)).toEqual(["n0003", "n0999", "n0003"]);
  set.put(aNode({ id: "n0003", labels: { disk: "hdd" } }));
  expect(place(set, group, ["d"], 0).map(({ info }) => info.id)).toEqual(["n0999"]);
});
