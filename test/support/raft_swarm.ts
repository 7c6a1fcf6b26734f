// Several real members on a virtual network: nodes, disks and links of which a test takes what it needs down.

import { expect } from "vitest";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import type { Message } from "../../src/gen/skep/raft/v1/messages.js";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import { openSealer, RaftMember, type RaftOptions, type Transport } from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { Life } from "../../src/sim/raft/life.js";
import { Lines, line } from "./raft_member.js";

export interface SwarmSetting extends Partial<RaftOptions> {
  /** Chunks of a snapshot that have gone through wait for this. */
  readonly gate?: () => Promise<void>;
  /** Milliseconds a message takes; 1 when absent. */
  readonly delayMs?: () => number;
  /** The state machine of a member. */
  readonly machine?: (id: number) => Lines;
}

export interface MemberChange extends Partial<RaftOptions> {
  readonly disk?: SimDisk;
}

export type Swarm = ReturnType<typeof aSwarm>;

export function aSwarm({ gate = () => Promise.resolve(), delayMs = () => 1, machine, ...setting }: SwarmSetting = {}) {
  const clock = new VirtualClock();
  const members = new Map<number, RaftMember>();
  const machines = new Map<number, Lines>();
  const disks = new Map<number, SimDisk>();
  /** The processes: they can be stopped and go on (SIGSTOP, SIGCONT). */
  const lives = new Map<number, Life>();
  const failures = new Map<number, Error>();
  const down = new Set<number>();
  const snapshots: number[] = [];
  /** What was sent, in order, lost messages included. */
  const sent: Message[] = [];
  const isOpen = ({ from, to }: Message): boolean => !down.has(from) && !down.has(to);
  const arrivals = new Map<string, number>();
  /** What one member says to another arrives in order. */
  const untilArrival = ({ from, to }: Message): number => {
    const now = clock.monotonic();
    const at = Math.max(now + delayMs(), arrivals.get(`${from} ${to}`) ?? 0);
    arrivals.set(`${from} ${to}`, at);
    return at - now;
  };
  const deliver = (message: Message): void => {
    const member = members.get(message.to);
    lives.get(message.to)?.run(() => member?.step(message));
  };
  const transport = (): Transport => ({
    send: (messages) => {
      sent.push(...messages);
      for (const message of messages.filter(isOpen)) clock.after(untilArrival(message), () => deliver(message));
    },
    sendSnapshot: async (message, chunks, signal) => {
      if (!isOpen(message)) throw new Error("not reached");
      snapshots.push(message.body?.$case === "snapshot" ? (message.body.value.meta?.position?.index ?? 0) : 0);
      const isAborted = aborted(signal);
      async function* slowly(): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunks) {
          await Promise.race([gate(), isAborted]);
          signal.throwIfAborted();
          yield chunk;
        }
      }
      await members.get(message.to)?.receiveSnapshot(message, slowly());
    },
    probe: async (to) => (down.has(to) ? "gone" : "alive"),
  });
  /** Starts a member, in place of an earlier life of it where there is one. */
  const begin = (id: number, { disk = disks.get(id) ?? new SimDisk({ clock }), ...options }: MemberChange = {}) => {
    const lines = machine?.(id) ?? new Lines(5);
    lives.get(id)?.end();
    const life = new Life(clock);
    const member = new RaftMember(
      {
        ...{ id, folder: "raft", bootstrap: id === 1, join: id !== 1, snapshotEntries: 30, trailingEntries: 2 },
        ...{ ...setting, ...options },
      },
      {
        ...{ disk: disk.mount(), sealer: openSealer, clock: life, random: new SeededRandom(id), log: silentLog },
        ...{ metrics: silentMetrics, stateMachine: lines, nextTurn: (fn) => void life.after(0, fn) },
        transport: transport(),
      },
    );
    failures.delete(id);
    member.onFatal((error) => failures.set(id, error));
    members.set(id, member);
    lives.set(id, life);
    machines.set(id, lines);
    disks.set(id, disk);
    return member.start();
  };
  const add = (id: number, options: MemberChange = {}): Promise<void> =>
    clock.finish(begin(id, options), 1000, "the start");
  const get = (id: number): RaftMember => {
    const member = members.get(id);
    if (!member) throw new Error(`there is no member ${id}`);
    return member;
  };
  const linesOf = (id: number): readonly string[] => machines.get(id)?.lines ?? [];
  const diskOf = (id: number): SimDisk => {
    const disk = disks.get(id);
    if (!disk) throw new Error(`there is no member ${id}`);
    return disk;
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
    await clock.advance(20);
  };
  const leader = (): number | undefined =>
    [...members.keys()].find((id) => !down.has(id) && !failures.has(id) && get(id).status.role === "leader");
  return {
    ...{ clock, members, machines, disks, lives, failures, down, snapshots, sent },
    ...{ begin, add, get, linesOf, diskOf, write, change, start, leader },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

export const numbered = (from: number, until: number): string[] =>
  Array.from({ length: until - from }, (_, at) => `line ${from + at}`);
