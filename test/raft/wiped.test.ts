// A member that comes back under its old id without what it promised (check-list 23, 38): whatever the daemon above does to
// prevent it, no acknowledged write may be lost, and nobody else may fail.

import { expect, test } from "vitest";
import { LogLostError } from "../../src/raft/index.js";
import { SimDisk } from "../../src/sim/index.js";
import { line } from "../support/raft_member.js";
import { aSwarm, numbered } from "../support/raft_swarm.js";

test("its folder is refused where it is neither the first member nor one that joins", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  await expect(swarm.begin(3, { disk: new SimDisk(), join: false })).rejects.toThrow("there is no log in raft");
});

test("taken for one that joins, it ends at the leader's first word, says why, and the others go on", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  await swarm.write(1, numbered(0, 5));
  await swarm.clock.advance(300);
  await swarm.add(3, { disk: new SimDisk({ clock: swarm.clock }) });
  await swarm.clock.advance(300);
  expect(swarm.failures.get(3)).toBeInstanceOf(LogLostError);
  expect([...swarm.failures.keys()]).toEqual([3]);
  await swarm.write(1, numbered(5, 10));
  expect(swarm.linesOf(2)).toEqual(numbered(0, 10).slice(0, swarm.linesOf(2).length));
  expect(swarm.linesOf(1)).toEqual(numbered(0, 10));
});

test("what only the leader and it had acknowledged is not lost when the leader is away: it elects nobody who lacks it", async () => {
  const swarm = aSwarm();
  await swarm.start(3);
  swarm.down.add(2);
  await swarm.write(1, ["kept"]);
  swarm.down.add(1);
  swarm.down.delete(2);
  await swarm.add(3, { disk: new SimDisk({ clock: swarm.clock }) });
  for (let at = 0; at < 20; at++) {
    await swarm.clock.advance(500);
    expect([2, 3].map((id) => swarm.get(id).leadingTerm())).toEqual([undefined, undefined]);
  }
  swarm.down.delete(1);
  await swarm.clock.runUntil(() => swarm.get(1).leadingTerm() !== undefined, 20_000, "the old leader leads again");
  await swarm.clock.finish(swarm.get(1).propose(line("after"), swarm.get(1).status.term), 5000, "a write");
  expect(swarm.linesOf(1)).toEqual(["kept", "after"]);
});
