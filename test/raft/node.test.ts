import { describe, expect, test } from "vitest";
import { LogDamagedError, NotLeaderError, UnknownOutcomeError } from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { aMember, Lines, line } from "../support/raft_member.js";

const random = new SeededRandom(5);

async function proposeAll(member: ReturnType<typeof aMember>, term: number, texts: readonly string[]): Promise<void> {
  const all = Promise.all(texts.map((text) => member.member.propose(line(text), term)));
  await member.clock.finish(all, 10_000, "the proposals");
}

const numbered = (from: number, until: number): string[] =>
  Array.from({ length: until - from }, (_, at) => `line ${from + at}`);

test("a new member leads its own log, and what is proposed is applied in order", async () => {
  const a = aMember();
  const term = await a.lead();
  expect(a.leadership).toEqual([{ leading: true, term: 2 }]);
  await proposeAll(a, term, ["one", "two", "three"]);
  expect(a.machine.lines).toEqual(["one", "two", "three"]);
  // 1 made it a voter, 2 opened its term.
  expect(a.machine.indexes).toEqual([3, 4, 5]);
  expect(a.member.status).toEqual({
    role: "leader",
    term: 2,
    leader: 7,
    commit: 5,
    applied: 5,
    lastIndex: 5,
    snapshotIndex: 0,
    noLeaderForMs: 0,
    membership: { voters: [7], learners: [] },
  });
});

test("a proposal is acknowledged only after its sync, and nothing is applied before", async () => {
  const a = aMember();
  const term = await a.lead();
  a.disk.delayMs.sync = 10;
  let isDone = false;
  void a.member.propose(line("x"), term).then(() => {
    isDone = true;
  });
  await a.clock.advance(9);
  expect([isDone, a.machine.lines]).toEqual([false, []]);
  await a.clock.advance(1);
  expect([isDone, a.machine.lines]).toEqual([true, ["x"]]);
});

test("what comes while a sync is under way shares the next one", async () => {
  const a = aMember({ segmentBytes: 1024 * 1024 });
  const term = await a.lead();
  a.disk.delayMs.sync = 10;
  const before = a.disk.counts.sync;
  const first = a.member.propose(line("first"), term);
  await a.clock.advance(5);
  const rest = numbered(0, 256).map((text) => a.member.propose(line(text), term));
  await a.clock.finish(Promise.all([first, ...rest]), 20, "all in two syncs");
  expect(a.disk.counts.sync - before).toBe(2);
  expect(a.machine.lines).toEqual(["first", ...numbered(0, 256)]);
});

test("a restart applies exactly what was committed, in order, each once, in a later term", async () => {
  const disk = new SimDisk();
  const a = aMember({ disk });
  await proposeAll(a, await a.lead(), numbered(0, 50));
  disk.crash("nothing", random);
  const b = aMember({ disk });
  expect(await b.lead()).toBe(3);
  expect(b.machine.lines).toEqual(numbered(0, 50));
  expect(b.machine.indexes).toEqual([...new Set(b.machine.indexes)].sort((x, y) => x - y));
});

test("stopping in good order and starting again changes nothing", async () => {
  const disk = new SimDisk();
  const a = aMember({ disk });
  const term = await a.lead();
  await proposeAll(a, term, ["one"]);
  await a.member.stop();
  expect(a.leadership.at(-1)).toEqual({ leading: false, term });
  expect(a.member.status).toMatchObject({ role: "follower", leader: undefined });
  await a.member.stop();
  const b = aMember({ disk, bootstrap: false });
  await b.lead();
  expect(b.machine.lines).toEqual(["one"]);
});

test("proposals of another term, before leading, or after the end certainly do not happen", async () => {
  const a = aMember();
  await expect(a.member.propose(line("x"), 1)).rejects.toThrow(NotLeaderError);
  const term = await a.lead();
  await expect(a.member.propose(line("x"), term - 1)).rejects.toThrow(NotLeaderError);
  await expect(a.member.propose(line("x"), term + 1)).rejects.toThrow(NotLeaderError);
  await a.member.stop();
  await expect(a.member.propose(line("x"), term)).rejects.toThrow(NotLeaderError);
  expect(a.machine.lines).toEqual([]);
});

test("a stop answers what is in flight, and refuses what waits", async () => {
  const a = aMember();
  const term = await a.lead();
  a.disk.delayMs.sync = 10;
  const inFlight = a.member.propose(line("in flight"), term);
  await a.clock.advance(5);
  const waiting = expect(a.member.propose(line("waiting"), term)).rejects.toThrow(NotLeaderError);
  const stopped = a.member.stop();
  await a.clock.finish(Promise.all([inFlight, waiting, stopped]), 100, "the stop");
  expect(a.machine.lines).toEqual(["in flight"]);
});

test("who is stopped while it starts has an end, and does not go on when it has started", async () => {
  const clock = new VirtualClock();
  const disk = new SimDisk({ clock });
  const a = aMember({ disk, clock });
  await proposeAll(a, await a.lead(), ["one"]);
  disk.crash("nothing", random);
  for (const operation of ["open", "read", "sync"] as const) {
    const b = aMember({ disk, clock });
    disk.delayMs[operation] = 10;
    const started = b.member.start();
    await b.clock.advance(5);
    const stopped = b.member.stop();
    await b.clock.finish(Promise.all([started, stopped]), 1000, "the stop");
    await b.clock.advance(1000);
    expect(b.leadership).toEqual([]);
    delete disk.delayMs[operation];
  }
  const c = aMember({ disk, clock, bootstrap: false });
  await c.lead();
  expect(c.machine.lines).toEqual(["one"]);
});

test("too many open proposals are refused, and the others go on", async () => {
  const a = aMember({ proposalsMax: 3, proposalBytesMax: 100 });
  const term = await a.lead();
  const kept = ["a", "b", "c"].map((text) => a.member.propose(line(text), term));
  await expect(a.member.propose(line("d"), term)).rejects.toMatchObject({ kind: "ResourceExhausted" });
  await a.clock.finish(Promise.all(kept), 10, "the others");
  const large = a.member.propose(new Uint8Array(200), term);
  await expect(a.member.propose(line("e"), term)).rejects.toMatchObject({ kind: "ResourceExhausted" });
  await a.clock.finish(large, 10, "one that is larger than the bound, alone");
});

test("a folder without a log is refused where none may be begun", async () => {
  await expect(aMember({ bootstrap: false }).member.start()).rejects.toThrow("there is no log in raft");
});

describe("snapshots", () => {
  const setting = { snapshotEntries: 100, trailingEntries: 10, segmentBytes: 1024 } as const;

  test("are made every so many entries; the log shrinks, and a restart needs only what is left", async () => {
    const disk = new SimDisk();
    const a = aMember({ ...setting, disk });
    const term = await a.lead();
    for (let at = 0; at < 250; at += 10) await proposeAll(a, term, numbered(at, at + 10));
    await a.clock.settle();
    expect(a.machine.snapshots).toBe(2);
    expect(a.member.status.snapshotIndex).toBeGreaterThanOrEqual(200);
    expect(disk.files()).not.toContain("raft/log/segment-0000000001");
    expect(disk.files().length).toBeLessThan(20);

    disk.crash("nothing", random);
    const b = aMember({ ...setting, disk });
    await b.lead();
    expect(b.machine.lines).toEqual(numbered(0, 250));
    expect(b.machine.indexes.length).toBeLessThan(60);
    expect(b.member.status.snapshotIndex).toBe(a.member.status.snapshotIndex);
  });

  test("are made for much data too, however few the entries", async () => {
    const a = aMember({ snapshotLogBytes: 1000 });
    await proposeAll(a, await a.lead(), ["x".repeat(600), "y".repeat(600)]);
    await a.clock.settle();
    expect(a.machine.snapshots).toBe(1);
  });

  test("hold the state of the moment they were begun, while entries go on being applied", async () => {
    const large = (texts: readonly string[]): string[] => texts.map((text) => text.padEnd(8192));
    // A chunk a line, so that it takes several writes.
    const a = aMember({ ...setting, segmentBytes: 4 * 1024 * 1024, machine: new Lines(1) });
    const { disk } = a;
    const term = await a.lead();
    disk.delayMs.write = 5;
    await proposeAll(a, term, large(numbered(0, 98)));
    await proposeAll(a, term, large(numbered(98, 100)));
    expect([a.machine.snapshots, a.member.status.snapshotIndex, a.machine.lines.length]).toEqual([1, 0, 100]);
    await a.clock.advance(100);
    expect(a.member.status.snapshotIndex).toBe(100);
    disk.crash("nothing", random);
    disk.delayMs.write = 0;
    const b = aMember({ ...setting, disk });
    await b.lead();
    expect(b.machine.lines).toEqual(large(numbered(0, 100)));
    expect(b.machine.indexes).toEqual([101, 102]);
  });

  test("that cannot be written cost nothing but room", async () => {
    const disk = new SimDisk();
    const a = aMember({ ...setting, disk, segmentBytes: 64 * 1024 });
    const term = await a.lead();
    disk.capacityBytes = 64 * 1024 + 10;
    await proposeAll(a, term, numbered(0, 120));
    await a.clock.settle();
    expect(a.member.status.snapshotIndex).toBe(0);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await proposeAll(a, term, numbered(120, 240));
    await a.clock.settle();
    expect(a.member.status.snapshotIndex).toBeGreaterThan(200);
    expect(a.failures).toEqual([]);
  });

  test("a crash at any operation of making one loses nothing", async () => {
    for (let operation = 1; operation <= 120; operation += 3) {
      const disk = new SimDisk();
      const a = aMember({ ...setting, disk });
      const term = await a.lead();
      await proposeAll(a, term, numbered(0, 80));
      disk.crashAfter(operation);
      let acknowledged = 80;
      for (; acknowledged < 200 && a.failures.length === 0; acknowledged++) {
        const outcome = a.member.propose(line(`line ${acknowledged}`), term).then(
          () => true,
          () => false,
        );
        if (!(await a.clock.finish(outcome, 1000, "the outcome"))) break;
      }
      await a.clock.settle();
      disk.crash("torn", random);
      const b = aMember({ ...setting, disk });
      await b.lead();
      // The one whose outcome was unknown may be there.
      expect([acknowledged, acknowledged + 1]).toContain(b.machine.lines.length);
      expect(b.machine.lines).toEqual(numbered(0, b.machine.lines.length));
      await b.member.stop();
    }
  });

  test("without a log are refused", async () => {
    const disk = new SimDisk();
    const a = aMember({ ...setting, disk });
    await proposeAll(a, await a.lead(), numbered(0, 120));
    await a.member.stop();
    await disk.remove("raft/log");
    await expect(aMember({ ...setting, disk }).member.start()).rejects.toThrow("there is a snapshot and no log");
  });
});

describe("a disk that fails", () => {
  test("ends the member: nothing is acknowledged, what was on its way is unknown, what waited did not happen", async () => {
    const disk = new SimDisk();
    const a = aMember({ disk, segmentBytes: 4096 });
    const term = await a.lead();
    disk.capacityBytes = 4096;
    const order: string[] = [];
    a.member.onLeadership(({ leading }) => order.push(`leading ${leading}`));
    a.member.onFatal((error) => order.push(`fatal ${String(Object(error).code)}`));
    const inFlight = a.member.propose(new Uint8Array(5000), term).catch((error: unknown) => error);
    await Promise.resolve();
    expect(await a.clock.finish(inFlight, 1000, "the outcome")).toBeInstanceOf(UnknownOutcomeError);
    expect(order).toEqual(["leading false", "fatal ENOSPC"]);
    expect(a.member.status).toMatchObject({ role: "follower", leader: undefined });
    expect(a.machine.lines).toEqual([]);
    await expect(a.member.propose(line("x"), term)).rejects.toThrow(NotLeaderError);
    await a.member.stop();

    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const b = aMember({ disk, segmentBytes: 4096 });
    await b.lead();
    expect(b.machine.lines).toEqual([]);
  });

  test("what waited behind the failing write certainly did not happen", async () => {
    const a = aMember({ segmentBytes: 4096 });
    const term = await a.lead();
    a.disk.delayMs.write = 10;
    a.disk.delayMs.sync = 10;
    a.disk.crashAfter(2);
    const inFlight = a.member.propose(line("a"), term).catch((error: unknown) => error);
    await a.clock.advance(5);
    const waiting = a.member.propose(line("b"), term).catch((error: unknown) => error);
    expect(await a.clock.finish(inFlight, 1000, "the outcome")).toBeInstanceOf(UnknownOutcomeError);
    expect(await waiting).toBeInstanceOf(NotLeaderError);
    expect(a.failures).toHaveLength(1);
  });

  test("a state machine that throws ends the member", async () => {
    class Poisoned extends Lines {
      override apply(): void {
        throw new Error("poison");
      }
    }
    const a = aMember({ machine: new Poisoned() });
    const outcome = a.member.propose(line("x"), await a.lead()).catch((error: unknown) => error);
    expect(await a.clock.finish(outcome, 1000, "the outcome")).toBeInstanceOf(UnknownOutcomeError);
    expect(a.failures).toMatchObject([{ message: "poison" }]);
  });

  test("damage is refused at the start, with file and offset", async () => {
    const disk = new SimDisk();
    const a = aMember({ disk });
    const term = await a.lead();
    await proposeAll(a, term, ["one"]);
    await proposeAll(a, term, ["two"]);
    disk.crash("nothing", random);
    disk.flipBit("raft/log/segment-0000000001", 8 * 90);
    await expect(aMember({ disk }).member.start()).rejects.toThrow(LogDamagedError);
  });
});
