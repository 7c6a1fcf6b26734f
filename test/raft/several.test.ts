// Three real members on a virtual network: what node.ts adds to the core.

import { expect, test } from "vitest";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import { type Message } from "../../src/gen/skep/raft/v1/messages.js";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import { openSealer, RaftMember, type Transport } from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { Lines, line } from "../support/raft_member.js";

interface Setting {
  /** Chunks of a snapshot that have gone through wait for this. */
  readonly gate?: () => Promise<void>;
}

function aSwarm({ gate = () => Promise.resolve() }: Setting = {}) {
  const clock = new VirtualClock();
  const members = new Map<number, RaftMember>();
  const machines = new Map<number, Lines>();
  const disks = new Map<number, SimDisk>();
  const down = new Set<number>();
  const snapshots: number[] = [];
  const isOpen = ({ from, to }: Message): boolean => !down.has(from) && !down.has(to);
  const transport = (): Transport => ({
    send: (messages) =>
      messages.filter(isOpen).forEach((sent) => void clock.after(1, () => members.get(sent.to)?.step(sent))),
    sendSnapshot: async (sent, chunks) => {
      if (!isOpen(sent)) throw new Error("not reached");
      snapshots.push(sent.body?.$case === "snapshot" ? (sent.body.value.meta?.position?.index ?? 0) : 0);
      async function* slowly(): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunks) {
          await gate();
          yield chunk;
        }
      }
      await members.get(sent.to)?.receiveSnapshot(sent, slowly());
    },
    probe: async (to) => (down.has(to) ? "gone" : "alive"),
  });
  const add = async (id: number): Promise<void> => {
    const machine = new Lines(5);
    const disk = new SimDisk({ clock });
    const member = new RaftMember(
      { ...{ id, folder: "raft", bootstrap: id === 1, join: id !== 1 }, snapshotEntries: 30, trailingEntries: 2 },
      {
        ...{ disk: disk.mount(), sealer: openSealer, clock, random: new SeededRandom(id), log: silentLog },
        ...{ metrics: silentMetrics, stateMachine: machine, nextTurn: (fn) => void clock.after(0, fn) },
        transport: transport(),
      },
    );
    members.set(id, member);
    machines.set(id, machine);
    disks.set(id, disk);
    await clock.finish(member.start(), 1000, "the start");
  };
  const get = (id: number): RaftMember => {
    const member = members.get(id);
    if (!member) throw new Error(`there is no member ${id}`);
    return member;
  };
  const write = async (id: number, texts: readonly string[]): Promise<void> => {
    const { term } = get(id).status;
    for (const text of texts) await clock.finish(get(id).propose(line(text), term), 5000, text);
  };
  const change = (id: number, kind: ConfChangeKind, member: number) =>
    clock.finish(get(id).proposeConfChange({ kind, member }, get(id).status.term), 5000, "the change");
  const start = async (count: number): Promise<void> => {
    await add(1);
    await clock.runUntil(() => get(1).status.role === "leader" && get(1).status.applied >= 2, 5000, "a leader");
    for (let id = 2; id <= count; id++) {
      await add(id);
      await change(1, ConfChangeKind.ADD_LEARNER, id);
      await clock.advance(20);
      expect(await change(1, ConfChangeKind.ADD_VOTER, id)).toBe(undefined);
    }
  };
  return { clock, members, machines, disks, down, snapshots, add, get, write, change, start };
}

const numbered = (from: number, until: number): string[] =>
  Array.from({ length: until - from }, (_, at) => `line ${from + at}`);

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
  if (disk) disk.delayMs.sync = 50;
  const done = swarm.get(1).propose(line("x"), swarm.get(1).status.term);
  await swarm.clock.advance(20);
  expect([swarm.machines.get(2)?.lines, swarm.machines.get(1)?.lines]).toEqual([["x"], []]);
  await swarm.clock.finish(done, 100, "the write");
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
