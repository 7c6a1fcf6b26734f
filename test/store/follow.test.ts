import { describe, expect, test } from "vitest";
import { Wake } from "../../src/base/index.js";
import { type Follower, follow, NotLeader, type RowChange, UnknownOutcome } from "../../src/store/index.js";
import { aNode, memoryStore } from "../support/memory.js";

function follower(work: (seen: readonly string[]) => void): Follower & { readonly calls: string[] } {
  const bell = new Wake();
  const calls: string[] = [];
  let seen: string[] = [];
  return {
    tables: ["node"],
    bell,
    calls,
    rebuild: () => {
      calls.push("rebuild");
      return [];
    },
    note: (changes: readonly RowChange[]) => {
      seen.push(...changes.map((change) => change.id));
      bell.ring();
    },
    work: async () => {
      const now = seen;
      seen = [];
      calls.push(`work ${now.join(",")}`);
      work(now);
    },
  };
}

describe("follow", () => {
  test("rebuilds, then works on what is committed, in batches while busy", async () => {
    const m = memoryStore();
    const stop = new AbortController();
    const f = follower(() => {});
    const run = follow(m.store, m.clock, f, stop.signal);
    await m.clock.settle();
    await m.writer.update((tx) => tx.put("node", aNode({ id: "a" })));
    await m.clock.settle();
    expect(f.calls).toEqual(["rebuild", "work ", "work a"]);
    stop.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
  });

  test("a write of unknown outcome makes it look at everything again", async () => {
    const m = memoryStore();
    const stop = new AbortController();
    let failures = 1;
    const f = follower(() => {
      if (failures-- > 0) throw new UnknownOutcome();
    });
    const run = follow(m.store, m.clock, f, stop.signal);
    await m.clock.advance(99);
    expect(f.calls).toEqual(["rebuild", "work "]);
    await m.clock.advance(1);
    expect(f.calls).toEqual(["rebuild", "work ", "rebuild", "work "]);
    stop.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
  });

  test("it ends when leadership is lost, and leaves no watch behind", async () => {
    const m = memoryStore();
    const f = follower(() => {
      throw new NotLeader();
    });
    await expect(follow(m.store, m.clock, f, new AbortController().signal)).rejects.toThrow(NotLeader);
    await m.writer.update((tx) => tx.put("node", aNode()));
    await m.clock.settle();
    expect(f.calls).toEqual(["rebuild", "work "]);
  });
});
