import { describe, expect, test } from "vitest";
import { Wake } from "../../src/base/index.js";
import { VirtualClock } from "../../src/sim/index.js";
import { type Follower, follow, NotLeader, type RowChange, UnknownOutcome } from "../../src/store/index.js";
import { aNode, memoryStore } from "../support/memory.js";
import { ManualTurns } from "../support/turns.js";

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

describe("a rebuild in turns", () => {
  /** Looks at the nodes one by one; what it saw and heard, in order. */
  function slow() {
    const clock = new VirtualClock();
    const turns = new ManualTurns(clock);
    const m = memoryStore(clock, 1, { turnSteps: 2, nextTurn: turns.nextTurn });
    const bell = new Wake();
    const calls: string[] = [];
    let failures: Error[] = [];
    const f: Follower = {
      tables: ["node"],
      bell,
      *rebuild() {
        calls.push("begin");
        for (const node of m.store.table("node").all()) {
          calls.push(`see ${node.id}`);
          yield;
        }
        calls.push("end");
      },
      note: (changes) => {
        calls.push(`note ${changes.map(({ id }) => id).join(",")}`);
        bell.ring();
      },
      work: async () => {
        calls.push("work");
        const [failure, ...rest] = failures;
        failures = rest;
        if (failure) throw failure;
      },
    };
    const write = async (ids: readonly string[]) => {
      const writing = m.writer.update((tx) => {
        for (const id of ids) tx.put("node", aNode({ id }));
      });
      await turns.all();
      await writing;
    };
    const failNext = (error: Error): void => void failures.push(error);
    return { m, turns, f, calls, write, failNext };
  }

  const never = new AbortController().signal;

  async function untilSeen({ turns, calls }: ReturnType<typeof slow>, call: string): Promise<void> {
    while (!calls.includes(call)) await turns.one();
  }

  test("hears of what is committed meanwhile, works on it, and sees what came", async () => {
    const s = slow();
    await s.write(["a", "b", ...Array.from({ length: 20 }, (_, at) => `n${at}`)]);
    void follow(s.m.store, s.m.clock, s.f, never);
    await s.m.clock.settle();
    await untilSeen(s, "see b");
    await s.write(["x"]);
    await s.turns.all();
    expect(s.calls.slice(0, 3)).toEqual(["begin", "see a", "see b"]);
    const [noted, worked, seen, ended] = ["note x", "work", "see x", "end"].map((call) => s.calls.indexOf(call));
    const order = [noted, worked, seen, ended].map((at) => at ?? -1);
    expect(noted).toBeGreaterThan(2);
    expect(order).toEqual(order.toSorted((one, other) => one - other));
    expect(s.calls.at(-1)).toBe("work");
  });

  test("begins anew when events were lost meanwhile", async () => {
    const s = slow();
    await s.write(["a", "b", "c"]);
    void follow(s.m.store, s.m.clock, s.f, never);
    await s.m.clock.settle();
    await untilSeen(s, "see b");
    const chunks = [...s.m.store.snapshot()];
    await s.m.store.restore(
      (async function* () {
        yield* chunks;
      })(),
    );
    await s.turns.all();
    const again = ["begin", "see a", "see b", "see c", "end", "work"];
    expect(s.calls.filter((call) => call === "end").length).toBe(1);
    expect(s.calls.slice(-again.length)).toEqual(again);
  });

  test("begins anew when a write failed meanwhile: what was to be done is not known any more", async () => {
    const s = slow();
    await s.write(Array.from({ length: 200 }, (_, at) => `n${at}`));
    void follow(s.m.store, s.m.clock, s.f, never);
    await s.m.clock.settle();
    await untilSeen(s, "see n3");
    s.failNext(new UnknownOutcome());
    s.f.bell.ring();
    await s.m.clock.advance(100);
    await s.turns.all();
    expect(s.calls.filter((call) => call === "begin").length).toBe(2);
    expect(s.calls.filter((call) => call === "end").length).toBe(1);
    expect(s.calls.at(-1)).toBe("work");
  });

  test("ends between two rows when the loop is to end", async () => {
    const s = slow();
    await s.write(["a", "b", "c", "d", "e"]);
    const stop = new AbortController();
    const run = follow(s.m.store, s.m.clock, s.f, stop.signal);
    await s.m.clock.settle();
    await untilSeen(s, "see b");
    stop.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
    const seen = s.calls.length;
    await s.turns.all();
    expect(s.calls.length).toBe(seen);
  });
});
