import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activeFilters } from "../../../src/scheduler/decide/filters.js";
import { needsOf } from "../../../src/scheduler/decide/needs.js";
import type { NodeInfo } from "../../../src/scheduler/decide/node-info.js";
import { NodeSet } from "../../../src/scheduler/decide/node-set.js";
import { place } from "../../../src/scheduler/decide/place.js";
import { Ranking } from "../../../src/scheduler/decide/ranking.js";
import { aNode, aServiceSpec } from "../../support/memory.js";

const needs = needsOf(aServiceSpec({ nanoCpus: 1e9 }));
const group = { serviceId: "s", key: "s.1", needs, filters: activeFilters(needs) };

/** The same choice made in the dumbest way: look at every node for every task. */
function placeDumbly(set: NodeSet, count: number): readonly string[] {
  const chosen: string[] = [];
  for (let n = 0; n < count; n++) {
    const best = [...set.all()].filter((info) => info.isReady && info.freeCpus >= needs.cpus).sort(byPreference)[0];
    if (best === undefined) break;
    chosen.push(best.id);
    set.occupy(best, { taskId: `dumb-${n}`, serviceId: "s", needs, generic: [], isActive: true });
  }
  return chosen;
}

function byPreference(a: NodeInfo, b: NodeInfo): number {
  return a.countOf("s") - b.countOf("s") || a.total - b.total || b.freeScore - a.freeScore || (a.id < b.id ? -1 : 1);
}

const loads = fc.array(
  fc.record({
    cpus: fc.integer({ min: 0, max: 6 }),
    own: fc.integer({ min: 0, max: 3 }),
    others: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 0, maxLength: 12 },
);

function setOf(load: readonly { cpus: number; own: number; others: number }[]): NodeSet {
  const set = new NodeSet();
  const idle = needsOf(aServiceSpec());
  load.forEach(({ cpus, own, others }, at) => {
    const info = set.put(aNode({ id: `n${at}`, nanoCpus: cpus * 1e9 }));
    for (let n = 0; n < own + others; n++) {
      const serviceId = n < own ? "s" : "other";
      set.occupy(info, { taskId: `${at}-${n}`, serviceId, needs: idle, generic: [], isActive: true });
    }
  });
  return set;
}

describe("placing a group", () => {
  test("chooses as looking at every node for every task would", () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 0, max: 20 }), (load, count) => {
        const ids = Array.from({ length: count }, (_, n) => `t${n}`);
        const chosen = place(setOf(load), group, ids, 0).map(({ info }) => info.id);
        expect(chosen).toEqual(placeDumbly(setOf(load), count));
      }),
      { numRuns: 300 },
    );
  });

  test("leaves counts and ranking as if the tasks had always been there", () => {
    fc.assert(
      fc.property(loads, (load) => {
        const set = setOf(load);
        const placed = place(set, group, ["a", "b", "c", "d", "e"], 0);
        const order = [...set.bestFirst()].map((info) => [info.total, -info.freeScore]);
        expect(order).toEqual(order.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0)));
        for (const { taskId } of placed) set.vacate(taskId);
        expect([...set.bestFirst()].map((info) => info.id)).toEqual(
          [...setOf(load).bestFirst()].map((info) => info.id),
        );
      }),
    );
  });
});

describe("the ranking", () => {
  test("stays sorted over many nodes and moves, and forgets what is removed", () => {
    const set = new NodeSet();
    const infos = Array.from({ length: 2_000 }, (_, n) =>
      set.put(aNode({ id: `n${n}`, memoryBytes: (n * 7919) % 2_000 })),
    );
    const ranking = new Ranking();
    for (const info of infos) ranking.add(info);
    for (const [at, info] of infos.entries()) {
      info.total = (at * 31) % 17;
      ranking.moved(info);
    }
    for (const info of infos.slice(0, 500)) ranking.remove(info);
    const order = [...ranking.bestFirst()];
    expect(order).toHaveLength(1_500);
    expect(order).toEqual(
      infos.slice(500).sort((a, b) => a.total - b.total || b.freeScore - a.freeScore || (a.id < b.id ? -1 : 1)),
    );
  });
});
