// The Raft simulator: a few seeds, the same seed twice, and each check seen to fail on a bug planted for it.

import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../../../src/base/index.js";
import type { Message } from "../../../src/gen/skep/raft/v1/messages.js";
import { type Entry, EntryKind } from "../../../src/gen/skep/raft/v1/raft.js";
import { CheckFailed, Checks, type Plants, runRaftSeed, type Visible } from "../../../src/sim/raft/index.js";

test("seeds that are clean, and did something", async () => {
  let acknowledged = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const run = await runRaftSeed(seed);
    expect([seed, run.failure?.message]).toEqual([seed, undefined]);
    acknowledged += run.acknowledged;
  }
  expect(acknowledged).toBeGreaterThan(300);
}, 60_000);

test("the same seed gives the same run", async () => {
  expect(await runRaftSeed(11)).toEqual(await runRaftSeed(11));
}, 30_000);

describe("seeds that failed once", () => {
  test.each([
    [298, "appends lost in flight and compacted away left a follower behind for ever"],
    [183, "a leader that removed itself had more in its log than the only other voter, and nobody could be elected"],
    [202, "a restarted voter had forgotten that another one was removed, and waited for its vote"],
  ])(
    "seed %d: %s",
    async (seed) => {
      expect((await runRaftSeed(seed)).failure?.message).toBeUndefined();
    },
    30_000,
  );
});

type Case = NonNullable<Message["body"]>["$case"];
type ValueOf<C extends Case> = Extract<NonNullable<Message["body"]>, { readonly $case: C }>["value"];

/** Changes each message of one kind on its way. */
function changed<C extends Case>($case: C, change: (value: ValueOf<C>) => ValueOf<C>): Plants {
  const message = (sent: Message): Message => {
    if (sent.body?.$case !== $case) return sent;
    const value = change(sent.body.value as ValueOf<C>);
    return { ...sent, body: { $case, value } as NonNullable<Message["body"]> };
  };
  return { message };
}

/** A disk whose syncs do nothing. */
function forgetful(disk: Disk): Disk {
  const deaf = (file: DiskFile): DiskFile => ({
    write: (data, offset) => file.write(data, offset),
    read: (length, offset) => file.read(length, offset),
    size: () => file.size(),
    truncate: (length) => file.truncate(length),
    sync: async () => {},
    close: () => file.close(),
  });
  return {
    open: async (name, options) => deaf(await disk.open(name, options)),
    readFile: (name) => disk.readFile(name),
    replaceFile: (name, data) => disk.replaceFile(name, data),
    list: (folder) => disk.list(folder),
    makeFolder: (folder) => disk.makeFolder(folder),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncFolder: (folder) => disk.syncFolder(folder),
  };
}

describe("a planted bug is found", () => {
  test.each<[string, Plants, RegExp]>([
    [
      "every vote is granted",
      changed("voteAnswer", () => ({ isGranted: true })),
      /election safety|one leader in a term|leader completeness|committed entries stay/,
    ],
    [
      "followers acknowledge what they do not have",
      changed("appendAnswer", (value) => (value.isRejected ? value : { ...value, index: value.index + 1 })),
      /leader completeness|committed entries stay|invariant broken/,
    ],
    [
      "an entry changes on its way",
      changed("append", (value) => ({
        ...value,
        entries: value.entries.map((entry) => (entry.index % 50 === 7 ? { ...entry, data: Buffer.from("!") } : entry)),
      })),
      /log matching/,
    ],
    [
      "a read is answered with an old index",
      changed("readIndexAnswer", (value) => ({ ...value, index: 0 })),
      /reads are linearizable/,
    ],
    ["nobody can be elected", changed("voteAnswer", () => ({ isGranted: false })), /liveness/],
    [
      "syncs do nothing",
      { disk: forgetful },
      /terms are kept|leader completeness|does not start|no acknowledged|committed/,
    ],
  ])(
    "%s",
    async (_, plants, found) => {
      const messages: string[] = [];
      for (let seed = 1; seed <= 40; seed++) {
        const { failure } = await runRaftSeed(seed, plants);
        if (failure && found.test(failure.message)) return;
        if (failure) messages.push(failure.message);
      }
      expect(messages).toContainEqual(expect.stringMatching(found));
    },
    60_000,
  );
});

describe("each check fails on what it is for", () => {
  interface Shown {
    readonly role?: string;
    readonly term?: number;
    readonly commit?: number;
    readonly log?: readonly [term: number, text: string][];
  }
  function aCore({ role = "follower", term = 1, commit = 0, log = [] }: Shown): Visible {
    const entries = log.map(
      ([of, text], at): Entry => ({ term: of, index: at + 1, kind: EntryKind.NORMAL, data: Buffer.from(text) }),
    );
    return {
      ...{ role, term, commit, firstIndex: 1, lastIndex: log.length },
      termOf: (index) => (index === 0 ? 0 : log[index - 1]?.[0]),
      entriesFrom: (index) => entries.slice(index - 1),
    };
  }
  const applied = (index: number, text: string): [{ index: number; term: number; data: Buffer }, string, undefined] => [
    { index, term: 1, data: Buffer.from(text) },
    text,
    undefined,
  ];

  test.each<[string, (checks: Checks) => void]>([
    ["election safety", (c) => [1, 2].forEach((id) => c.look(id, 1, aCore({ role: "leader" })))],
    ["log matching", (c) => ["a", "b"].forEach((text, at) => c.look(at, 1, aCore({ log: [[1, text]] })))],
    [
      "leader completeness",
      (c) => {
        c.look(1, 1, aCore({ log: [[1, "a"]], commit: 1 }));
        c.look(2, 1, aCore({ role: "leader", term: 2 }));
      },
    ],
    [
      "committed entries stay",
      (c) => [1, 2].forEach((term) => c.look(term, 1, aCore({ term, log: [[term, "a"]], commit: 1 }))),
    ],
    ["monotonic term", (c) => [2, 1].forEach((term) => c.look(1, 1, aCore({ term })))],
    ["monotonic commit", (c) => [1, 0].forEach((commit) => c.look(1, 1, aCore({ commit, log: [[1, "a"]] })))],
    [
      "terms are kept",
      (c) => {
        c.promised(1, 5);
        c.look(1, 2, aCore({ term: 4 }));
      },
    ],
    ["state-machine safety", (c) => ["a", "b"].forEach((text, at) => c.applied(at, ...applied(1, text)))],
    ["applied once, in order", (c) => c.applied(1, applied(1, "a")[0], "a", { index: 1, text: "a" })],
    ["acknowledged writes are applied", (c) => c.writeAcknowledged("a")],
    [
      "refused writes never happen",
      (c) => {
        c.writeRefused("a");
        c.applied(1, ...applied(1, "a"));
      },
    ],
    ["reads are linearizable", (c) => c.read(1, 7, 6)],
    [
      "no acknowledged write is lost",
      (c) => {
        c.applied(1, ...applied(1, "a"));
        c.complete(2, []);
      },
    ],
  ])("%s", (property, run) => {
    const found = (): unknown => {
      try {
        run(new Checks());
        return undefined;
      } catch (error) {
        return error instanceof CheckFailed ? error.property : error;
      }
    };
    expect(found()).toBe(property);
  });
});
