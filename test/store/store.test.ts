import { describe, expect, it } from "vitest";
import { SwarmError, silentMetrics } from "../../src/base/index.js";
import { Node, Service, Task, TaskState, TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { VirtualClock } from "../../src/sim/index.js";
import { type Log, NotLeader, type RowChange, Store, type Transaction, UnknownOutcome } from "../../src/store/index.js";

/** A log whose entries commit when the test says so. */
class HeldLog implements Log {
  readonly held: { data: Uint8Array; term: number; commit(): void; fail(error: Error): void }[] = [];
  readonly entries: { data: Uint8Array; term: number }[] = [];
  store: Store | undefined;

  propose(data: Uint8Array, term: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const commit = (): void => {
        this.entries.push({ data, term });
        this.store?.apply({ data, term });
        resolve();
      };
      this.held.push({ data, term, commit, fail: reject });
    });
  }

  /** Commits what is held, and what follows from it, until nothing is. */
  async drain(): Promise<void> {
    for (;;) {
      await settle();
      const next = this.held.shift();
      if (!next) return;
      next.commit();
    }
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function aStore(): { store: Store; log: HeldLog } {
  const log = new HeldLog();
  const store = new Store({ freeze: true }, { clock: new VirtualClock(), log, metrics: silentMetrics });
  log.store = store;
  return { store, log };
}

const node = (id: string, hostname = id): Node => Node.fromPartial({ id, description: { hostname } });
const task = (id: string, nodeId = ""): Task => Task.fromPartial({ id, serviceId: "s", slot: 1, nodeId });
const ids = (rows: Iterable<{ id: string }>): string[] => [...rows].map((row) => row.id).sort();

describe("update", () => {
  it("has a turn of the loop for what the leader's loops write, and none is waited for by a user", () => {
    const log = new HeldLog();
    const turns: (() => void)[] = [];
    const modules = {
      clock: new VirtualClock(),
      log,
      metrics: silentMetrics,
      nextTurn: (fn: () => void) => void turns.push(fn),
    };
    const store = new Store({ freeze: true }, modules);
    const ran: string[] = [];
    void store.lead(1).update(() => ran.push("loop"));
    expect([ran, turns.length]).toEqual([[], 1]);
    const user = new Store({ freeze: true }, modules);
    void user.lead(1).once("request", () => String(ran.push("user")));
    expect([ran, turns.length]).toEqual([["user"], 1]);
  });

  it("is seen by view only once it is applied", async () => {
    const { store, log } = aStore();
    const done = store.lead(1).update((tx) => tx.put("node", node("a")));
    await settle();
    expect(store.view((view) => view.table("node").size)).toBe(0);
    await log.drain();
    await done;
    expect(store.view((view) => view.table("node").get("a")?.meta?.version)).toBe(store.revision);
  });

  it("runs what was queued while an entry was in flight in order, as separate transactions of one entry", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const first = writer.update((tx) => tx.put("node", node("a")));
    await settle();
    const seen: string[][] = [];
    const later = ["b", "c", "d"].map((id) =>
      writer.update((tx) => {
        seen.push(ids(tx.table("node").all()));
        tx.put("node", node(id));
      }),
    );
    expect(seen).toEqual([]);
    await log.drain();
    await Promise.all([first, ...later]);
    expect(seen).toEqual([["a"], ["a", "b"], ["a", "b", "c"]]);
    expect(log.entries).toHaveLength(2);
    const versions = ["a", "b", "c", "d"].map((id) => store.table("node").get(id)?.meta?.version ?? 0);
    expect(versions.map((version) => version - (versions[0] ?? 0))).toEqual([0, 1, 2, 3]);
  });

  it("leaves no trace when it throws, and the others of its entry are kept", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const good = writer.update((tx) => tx.put("node", node("a", "h1")));
    await log.drain();
    await good;
    const outcomes = Promise.allSettled([
      writer.update((tx) => tx.put("node", node("b"))),
      writer.update((tx) => {
        tx.put("node", node("a", "changed"));
        tx.delete("node", "b");
        tx.put("node", node("c"));
        throw new SwarmError("AlreadyExists", "no");
      }),
      writer.update((tx) => ids(tx.table("node").all())),
    ]);
    await log.drain();
    expect((await outcomes).map((each) => (each.status === "fulfilled" ? each.value : String(each.reason)))).toEqual([
      undefined,
      "SwarmError: no",
      ["a", "b"],
    ]);
    expect(ids(store.table("node").all())).toEqual(["a", "b"]);
    expect(ids(store.table("node").by("hostname", "h1"))).toEqual(["a"]);
    expect(ids(store.table("node").by("hostname", "changed"))).toEqual([]);
  });

  it.each([
    ["committed", (log: HeldLog) => log.held[1]?.commit(), "SwarmError: a is taken"],
    ["lost", (log: HeldLog) => log.held[1]?.fail(new UnknownOutcome()), String(new NotLeader())],
  ])("that throws because of a write in its entry is told so once that is %s", async (_fate, decide, told) => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const before = writer.update((tx) => tx.put("node", node("before")));
    await settle();
    const outcome = Promise.allSettled([
      writer.update((tx) => tx.put("node", node("a"))),
      writer.update((tx) => {
        if (tx.table("node").get("a")) throw new SwarmError("AlreadyExists", "a is taken");
      }),
    ]);
    let isTold = false;
    void outcome.then(() => {
      isTold = true;
    });
    log.held[0]?.commit();
    await before;
    await settle();
    expect([log.held.length, isTold]).toEqual([2, false]);
    decide(log);
    const [, second] = await outcome;
    expect(second?.status === "rejected" && String(second.reason)).toBe(told);
  });

  it("that throws because of what is applied is told so at once", async () => {
    const { store } = aStore();
    const refused = store.lead(1).update(() => {
      throw new SwarmError("AlreadyExists", "no");
    });
    await expect(refused).rejects.toThrow("no");
  });

  it("keeps indexes of a transaction in step with what it wrote", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const setUp = writer.update((tx) => ["t1", "t2"].forEach((id) => tx.put("task", task(id, "n1"))));
    await log.drain();
    await setUp;
    const check = writer.update((tx: Transaction) => {
      tx.put("task", task("t2", "n2"));
      tx.delete("task", "t1");
      tx.put("task", task("t3", "n1"));
      return {
        n1: ids(tx.table("task").by("node", "n1")),
        n2: ids(tx.table("task").by("node", "n2")),
        all: ids(tx.table("task").all()),
        size: tx.table("task").size,
        prefix: ids(tx.table("task").byPrefix("t")),
      };
    });
    await log.drain();
    expect(await check).toEqual({ n1: ["t3"], n2: ["t2"], all: ["t2", "t3"], size: 2, prefix: ["t2", "t3"] });
  });

  it("spreads more than one entry holds over several, and refuses a transaction larger than one", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const blocker = writer.update((tx) => tx.put("node", node("first")));
    await settle();
    const many = Array.from({ length: 5 }, (_, part) =>
      writer.update((tx) => {
        for (let at = 0; at < 400; at += 1) tx.put("task", task(`t${part}-${at}`));
      }),
    );
    const tooMany = writer.update((tx) => {
      for (let at = 0; at < 2_001; at += 1) tx.put("task", task(`x${at}`));
    });
    const refusal = tooMany.catch((error: unknown) => error);
    await log.drain();
    await Promise.all([blocker, ...many]);
    expect(await refusal).toMatchObject({ kind: "ResourceExhausted" });
    expect(store.table("task").size).toBe(2_000);
    expect(log.entries).toHaveLength(4);
  });

  it("writes a status without the row, stamping the version of its transaction", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const made = writer.update((tx) => tx.put("task", task("t")));
    await log.drain();
    await made;
    const before = store.table("task").get("t");
    const changed = writer.update((tx) => {
      tx.setStatus("t", status(TaskState.RUNNING));
      return tx.table("task").get("t")?.status?.state;
    });
    await log.drain();
    expect(await changed).toBe(TaskState.RUNNING);
    const after = store.table("task").get("t");
    expect(after).toEqual({
      ...before,
      status: status(TaskState.RUNNING),
      meta: { version: store.revision, createdAt: before?.meta?.createdAt, updatedAt: { seconds: 5, nanos: 0 } },
    });
  });
});

const status = (state: TaskState) => TaskStatus.fromPartial({ state, appliedAt: { seconds: 5 } });

describe("leadership", () => {
  it("rejects what is queued with NotLeader and what is in flight by what the log says", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const inFlight = writer.update((tx) => tx.put("node", node("a"))).catch((error: unknown) => error);
    await settle();
    const queued = writer.update((tx) => tx.put("node", node("b"))).catch((error: unknown) => error);
    store.unlead();
    expect(await queued).toBeInstanceOf(NotLeader);
    log.held[0]?.fail(new UnknownOutcome());
    expect(await inFlight).toBeInstanceOf(UnknownOutcome);
    expect(await writer.update(() => 1).catch((error: unknown) => error)).toBeInstanceOf(NotLeader);
  });

  it("a handle of an old term never writes in a new one", async () => {
    const { store, log } = aStore();
    const old = store.lead(1);
    store.unlead();
    const now = store.lead(2);
    expect(await old.update((tx) => tx.put("node", node("a"))).catch((error: unknown) => error)).toBeInstanceOf(
      NotLeader,
    );
    const written = now.update((tx) => tx.put("node", node("b")));
    await log.drain();
    await written;
    expect(ids(store.table("node").all())).toEqual(["b"]);
  });
});

describe("once", () => {
  it("answers a repeat with the first answer and writes nothing", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const create = (id: string) => (tx: Transaction) => {
      tx.put("service", Service.fromPartial({ id, name: "web" }));
      return id;
    };
    const both = Promise.all([writer.once("r1", create("one")), writer.once("r1", create("two"))]);
    await log.drain();
    expect(await both).toEqual(["one", "one"]);
    expect(ids(store.table("service").all())).toEqual(["one"]);
  });

  it("remembers the last 10,000 answers", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const all = Promise.all(Array.from({ length: 10_001 }, (_, at) => writer.once(`r${at}`, () => `a${at}`)));
    await log.drain();
    await all;
    expect(store.table("request").size).toBe(10_000);
    expect(store.table("request").get("r0")).toBeUndefined();
    expect(store.table("request").get("r1")?.resultId).toBe("a1");
  });
});

describe("a second member", () => {
  it("holds the same rows with the same versions after the same entries, and after a snapshot", async () => {
    const { store, log } = aStore();
    const writer = store.lead(3);
    const writes = [
      writer.update((tx) => tx.put("node", node("a"))),
      writer.update((tx) => tx.put("task", task("t", "a"))),
      writer.update((tx) => tx.setStatus("t", status(TaskState.FAILED))),
      writer.once("r", (tx) => {
        tx.delete("node", "a");
        return "gone";
      }),
    ];
    await log.drain();
    await Promise.all(writes);
    const follower = aStore().store;
    for (const entry of log.entries) follower.apply(entry);
    const restored = aStore().store;
    await restored.restore(
      (async function* () {
        for (const chunk of store.snapshot()) yield chunk;
      })(),
    );
    const rows = (of: Store) => ["node", "task", "request"].map((name) => [...of.table(name as "task").all()]);
    expect(rows(follower)).toEqual(rows(store));
    expect(rows(restored)).toEqual(rows(store));
    expect([follower.revision, restored.revision]).toEqual([store.revision, store.revision]);
  });

  it("refuses an entry that does not continue its state", async () => {
    const { store, log } = aStore();
    const write = store.lead(1).update((tx) => tx.put("node", node("a")));
    await log.drain();
    await write;
    const entry = log.entries[0];
    const ahead = aStore().store;
    ahead.apply(entry ?? { term: 0, data: new Uint8Array() });
    expect(() => ahead.apply(entry ?? { term: 0, data: new Uint8Array() })).toThrow(/an entry continues the state/);
  });
});

describe("watch", () => {
  it("groups what was committed since the reader last looked, with what was there before", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const stop = new AbortController();
    const reader = store.watch({ tables: ["node"] }, stop.signal)[Symbol.asyncIterator]();
    const writes = [
      writer.update((tx) => tx.put("node", node("a", "h1"))),
      writer.update((tx) => tx.put("task", task("t"))),
      writer.update((tx) => tx.put("node", node("a", "h2"))),
      writer.update((tx) => tx.delete("node", "a")),
    ];
    await log.drain();
    await Promise.all(writes);
    const batch = (await reader.next()).value;
    expect(batch?.resync).toBe(false);
    expect(
      batch?.changes.map((each: RowChange) => [each.table, each.id, hostname(each.previous), hostname(each.row)]),
    ).toEqual([
      ["node", "a", undefined, "h1"],
      ["node", "a", "h1", "h2"],
      ["node", "a", "h2", undefined],
    ]);
    stop.abort(new Error("enough"));
    await expect(reader.next()).rejects.toThrow("enough");
  });

  it("tells a reader that fell behind to look at everything again", async () => {
    const { store, log } = aStore();
    const writer = store.lead(1);
    const reader = store.watch({ max: 2 }, new AbortController().signal)[Symbol.asyncIterator]();
    const writes = ["a", "b", "c"].map((id) => writer.update((tx) => tx.put("node", node(id))));
    await log.drain();
    await Promise.all(writes);
    expect((await reader.next()).value).toEqual({ resync: true, revision: store.revision, changes: [] });
  });
});

const hostname = (row: unknown): unknown => (row as Node | undefined)?.description?.hostname;

it("a row that was read cannot be changed", async () => {
  const { store, log } = aStore();
  const write = store.lead(1).update((tx) => tx.put("node", node("a")));
  await log.drain();
  await write;
  const row = store.table("node").get("a") as { id: string };
  expect(() => {
    row.id = "b";
  }).toThrow(TypeError);
});
