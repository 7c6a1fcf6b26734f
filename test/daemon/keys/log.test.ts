// The data key and the log it seals, together: whatever crashes while keys are locked, no acknowledged entry is lost.

import { expect, test } from "vitest";
import { type Disk, silentLog, silentMetrics } from "../../../src/base/index.js";
import { KeyRing } from "../../../src/daemon/keys/index.js";
import { RaftMember } from "../../../src/raft/index.js";
import { SeededRandom, SimDisk, type Survival, VirtualClock } from "../../../src/sim/index.js";
import { Lines } from "../../support/raft_member.js";

const unlockKey = new Uint8Array(32).fill(1);
const locks = { key: Buffer.from(unlockKey), version: 5 };
const opens = { key: Buffer.alloc(0), version: 6 };

interface Life {
  readonly ring: KeyRing;
  readonly machine: Lines;
  readonly clock: VirtualClock;
  propose(line: string): Promise<void>;
  stop(): Promise<void>;
}

/** One life of a member whose log is sealed with the keys on this disk. */
async function live(disk: Disk, isFirst: boolean, clock = new VirtualClock()): Promise<Life> {
  const modules = { disk, random: new SeededRandom(isFirst ? 1 : 2) };
  const ring = await KeyRing.open(unlockKey, modules);
  if (isFirst) await ring.create(undefined);
  const machine = new Lines();
  const member = new RaftMember(
    { id: 7, folder: "raft", bootstrap: isFirst, segmentBytes: 4_096, snapshotEntries: 8, trailingEntries: 2 },
    {
      ...{ disk, clock, random: modules.random, log: silentLog, metrics: silentMetrics, stateMachine: machine },
      ...{ sealer: ring.managerKeys.newSealer(), nextTurn: (fn: () => void) => void clock.after(0, fn) },
    },
  );
  let term = 0;
  member.onLeadership((change) => (term = change.leading ? change.term : 0));
  await clock.finish(member.start(), 60_000, "the start");
  await ring.managerKeys.forgetUnused();
  await clock.runUntil(() => term > 0, 10_000, "leadership");
  return {
    ...{ ring, machine, clock },
    propose: (line) => clock.finish(member.propose(Buffer.from(line), term), 10_000, line),
    stop: () => clock.finish(member.stop(), 10_000, "the stop"),
  };
}

test("a log is read again through any number of locks, and data keys it needs no more are forgotten", async () => {
  const disk = new SimDisk();
  const said: string[] = [];
  const counts: number[] = [];
  for (let round = 1; round <= 12; round += 1) {
    const life = await live(disk, round === 1);
    expect(life.machine.lines).toEqual(said);
    counts.push(life.ring.managerKeys.dataKeys.length);
    for (const line of [1, 2, 3].map((each) => `${round}.${each}`)) {
      await life.propose(line);
      said.push(line);
      const version = 10 * round + said.length;
      await life.ring.managerKeys.follow({ key: Buffer.from(said.length % 2 ? unlockKey : []), version });
    }
    await life.stop();
  }
  expect(Math.max(...counts)).toBeLessThan(8);
  expect(Math.max(...counts)).toBeGreaterThan(1);
});

const survivals: readonly Survival[] = ["nothing", "everything", "torn"];
const cases = ([locks, opens] as const).flatMap((row) => survivals.map((survival) => ({ row, survival })));

test.each(cases)(
  "a crash at any operation of changing the lock loses nothing: version $row.version, $survival",
  async ({ row, survival }) => {
    for (let at = 1, isDone = false; !isDone; at += 1) {
      const clock = new VirtualClock();
      const disk = new SimDisk({ clock });
      const said = ["before"];
      const first = await clock.finish(live(disk.mount(), true, clock), 60_000, "the first life");
      await first.propose("before");
      if (row === opens) await first.ring.managerKeys.follow(locks);
      // The file of the keys takes longer than the log: entries are acknowledged in between.
      Object.assign(disk.delayMs, { rename: 20, sync: 1 });
      disk.crashAfter(at);
      isDone = await changing(first, row, said);
      disk.crash(survival, new SeededRandom(at));
      Object.assign(disk.delayMs, { rename: 0, sync: 0 });
      const second = await clock.finish(live(disk.mount(), false, clock), 60_000, "the second life");
      expect(second.machine.lines.slice(0, said.length), `crashed at ${at}`).toEqual(said);
      await second.propose("after");
    }
  },
);

/** Locks or opens in the middle of writing; true when nothing crashed. What was acknowledged is added to `said`. */
async function changing(life: Life, row: typeof locks, said: string[]): Promise<boolean> {
  const say = async (line: string): Promise<void> => {
    await life.propose(line);
    said.push(line);
  };
  const followed = life.ring.managerKeys.follow(row);
  const attempts = Promise.allSettled([followed, say("meanwhile")]);
  const both = await life.clock.finish(attempts, 10_000, "the change");
  if (both.some(({ status }) => status === "rejected")) return false;
  return say("then").then(
    () => true,
    () => false,
  );
}
