// Three real members on a virtual network: what node.ts adds to the core.

import { expect, test } from "vitest";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import { line } from "../support/raft_member.js";
import { aSwarm, numbered } from "../support/raft_swarm.js";

test("members join, everybody applies the same, and a follower's read has all that was written", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  await swarm.write(1, ["a", "b"]);
  await swarm.clock.finish(swarm.get(3).readIndex(), 5000, "the read");
  expect(swarm.machines.get(3)?.lines).toEqual(["a", "b"]);
  expect(swarm.get(3).membership.voters).toEqual([1, 2, 3]);
});

test("the leader's disk may be slow: followers have the entry before its sync has ended", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  const disk = swarm.disks.get(1);
  if (disk) disk.delayMs.sync = 500;
  const done = swarm.get(1).propose(line("x"), swarm.get(1).status.term);
  // The next heartbeat tells that it is committed.
  await swarm.clock.advance(200);
  expect([swarm.machines.get(2)?.lines, swarm.machines.get(1)?.lines]).toEqual([["x"], []]);
  await swarm.clock.finish(done, 500, "the write");
});

test("leadership is handed over, and given up with an answer for what was on its way", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  expect(await swarm.clock.finish(swarm.get(1).handOver(), 5000, "the handover")).toBe(true);
  await swarm.clock.advance(50);
  const leader = [2, 3].find((id) => swarm.get(id).status.role === "leader") ?? 0;
  await swarm.write(leader, ["after"]);
  expect(swarm.machines.get(leader)?.lines).toEqual(["after"]);
});

test("a member that fell behind gets the snapshot it was begun with, though newer ones are made (check-list 32)", async () => {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const swarm = aSwarm({ gate: () => opened });
  await swarm.start(3);
  swarm.down.add(3);
  await swarm.write(1, numbered(0, 40));
  // Silent long enough to be no reason to keep entries.
  await swarm.clock.advance(3000);
  await swarm.write(1, numbered(40, 120));
  swarm.down.delete(3);
  await swarm.clock.advance(1000);
  await swarm.write(1, numbered(120, 240));
  expect(swarm.snapshots).toHaveLength(1);
  open();
  await swarm.clock.advance(3000);
  expect(swarm.machines.get(3)?.lines).toEqual(numbered(0, 240));
});

test("a transfer ends with leading: the next leader's snapshot does not wait for it", async () => {
  let isOpen = false;
  const swarm = aSwarm({ gate: () => (isOpen ? Promise.resolve() : new Promise(() => {})) });
  await swarm.start(3);
  swarm.down.add(3);
  await swarm.write(1, numbered(0, 40));
  await swarm.clock.advance(3000);
  await swarm.write(1, numbered(40, 80));
  swarm.down.delete(3);
  await swarm.clock.advance(500);
  expect([swarm.snapshots.length, swarm.linesOf(3)]).toEqual([1, []]);
  isOpen = true;
  expect(await swarm.clock.finish(swarm.get(1).handOver(2), 5000, "the handover")).toBe(true);
  await swarm.clock.advance(1000);
  expect(swarm.linesOf(3)).toEqual(numbered(0, 80));
});

test("a leader whose process is gone is replaced without waiting for ticks", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  await swarm.clock.advance(10);
  swarm.down.add(1);
  for (const id of [2, 3]) swarm.get(id).connectionBroken(1);
  await swarm.clock.advance(20);
  expect([2, 3].map((id) => swarm.get(id).status.role).sort()).toEqual(["follower", "leader"]);
});

test("a change that may not be now says why", async () => {
  const swarm = aSwarm();
  await swarm.start(2);
  expect(await swarm.change(1, ConfChangeKind.REMOVE, 9)).toBe("it changes nothing");
  await expect(swarm.get(2).proposeConfChange({ kind: 2, member: 1 }, 1)).rejects.toThrow("does not lead");
});

test.each([
  [200, "is served from the log", 0],
  [5, "gets the snapshot", 1],
])(
  "where entries are kept for %i that lag, a follower that is slow %s",
  async (laggingEntriesMax, _what, snapshots) => {
    const swarm = aSwarm({ laggingEntriesMax });
    await swarm.start(3);
    swarm.diskOf(3).delayMs.sync = 150;
    await swarm.write(1, numbered(0, 150));
    swarm.diskOf(3).delayMs.sync = 0;
    await swarm.clock.advance(2000);
    expect(Math.min(swarm.snapshots.length, 1)).toBe(snapshots);
    expect(swarm.linesOf(3)).toEqual(numbered(0, 150));
  },
);
