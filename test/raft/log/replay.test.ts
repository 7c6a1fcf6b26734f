import { describe, expect, test } from "vitest";
import type { Entry } from "../../../src/gen/skep/raft/v1/raft.js";
import { type Batch, decodeBatch, encodeBatch } from "../../../src/raft/log/records.js";
import { Replay } from "../../../src/raft/log/replay.js";

const entry = (index: number, term: number): Entry => ({ index, term, kind: 0, data: Buffer.from(`${index}@${term}`) });
const entries = (term: number, ...indexes: readonly number[]): Batch => ({
  entries: indexes.map((index) => entry(index, term)),
});
const state = (term: number, vote: number, commit: number): Batch => ({
  entries: [],
  hardState: { term, vote, commit },
});
const none = { index: 0, term: 0 };

function replayed(batches: readonly Batch[], snapshot = none) {
  const replay = new Replay();
  for (const batch of batches) replay.add(batch);
  const { hardState, base, entries, startsAnew } = replay.finish(snapshot);
  return { hardState, base, log: entries.map((e) => `${e.index}@${e.term}`), startsAnew };
}

test("a batch is read back as it was written", () => {
  const batch = {
    start: { index: 3, term: 2 },
    hardState: { term: 4, vote: 9, commit: 3 },
    entries: [entry(4, 4), { index: 5, term: 4, kind: 1 as const, data: Buffer.alloc(0) }],
    closed: true,
  };
  expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
});

test.each([
  ["an empty log", [], none, { hardState: { term: 0, vote: 0, commit: 0 }, base: none, log: [], startsAnew: false }],
  [
    "the last state and all entries",
    [state(1, 1, 0), entries(1, 1, 2), state(1, 1, 1), entries(1, 3)],
    none,
    { hardState: { term: 1, vote: 1, commit: 1 }, base: none, log: ["1@1", "2@1", "3@1"], startsAnew: false },
  ],
  [
    "a later entry of a lower index, which replaces the suffix",
    [entries(1, 1, 2, 3), entries(2, 2)],
    none,
    { base: none, log: ["1@1", "2@2"] },
  ],
  [
    "a log whose beginning was dropped",
    [entries(1, 5, 6), entries(2, 7)],
    { index: 6, term: 1 },
    { base: { index: 5, term: 1 }, log: ["6@1", "7@2"], startsAnew: false },
  ],
  [
    "a log that begins right after the snapshot",
    [entries(2, 7, 8)],
    { index: 6, term: 1 },
    { base: { index: 6, term: 1 }, log: ["7@2", "8@2"], startsAnew: false },
  ],
  [
    "a log whose first kept entries had been replaced from further down",
    [entries(1, 6, 7), entries(2, 5, 6)],
    { index: 5, term: 2 },
    { base: { index: 5, term: 2 }, log: ["6@2"], startsAnew: false },
  ],
  [
    "a snapshot beyond the log's end: the log starts anew",
    [entries(1, 1, 2)],
    { index: 9, term: 2 },
    { base: { index: 9, term: 2 }, log: [], startsAnew: true, hardState: { term: 0, vote: 0, commit: 9 } },
  ],
  [
    "a snapshot whose last entry contradicts the log: the log starts anew (check-list 26)",
    [entries(1, 1, 2, 3)],
    { index: 2, term: 2 },
    { base: { index: 2, term: 2 }, log: [], startsAnew: true },
  ],
  [
    "a log that was started anew",
    [entries(1, 1, 2), { start: { index: 9, term: 2 }, entries: [entry(10, 2)] }],
    { index: 9, term: 2 },
    { base: { index: 9, term: 2 }, log: ["10@2"], startsAnew: false },
  ],
  [
    "a start the log already agrees with keeps what follows it",
    [entries(2, 1, 2, 3), { start: { index: 2, term: 2 }, entries: [] }],
    { index: 2, term: 2 },
    { log: ["1@2", "2@2", "3@2"], startsAnew: false },
  ],
] as const)("replaying gives %s", (_, batches, snapshot, expected) => {
  expect(replayed(batches, snapshot)).toMatchObject(expected);
});

describe("what no member can have written is refused", () => {
  test.each([
    ["a gap", [entries(1, 1), entries(1, 3)], none, /entry 3 follows entry 1/],
    [
      "an entry before the first",
      [{ start: { index: 5, term: 1 }, entries: [] }, entries(1, 6), entries(1, 5)],
      { index: 5, term: 1 },
      /entry 5 follows/,
    ],
    [
      "a beginning that is missing",
      [entries(1, 5), entries(2, 4)],
      none,
      /begins at entry 5, and the snapshot ends at 0/,
    ],
    ["a term that goes back", [entries(2, 1), entries(1, 2)], none, /goes back in term/],
    ["a committed entry replaced", [entries(1, 1, 2), state(1, 1, 2), entries(2, 2)], none, /committed entry 2/],
    ["a lost end", [entries(1, 1), state(1, 1, 3)], none, /up to 3 were committed, and the log ends at 1/],
    ["a commit that goes back", [entries(1, 1, 2), state(1, 1, 2), state(1, 1, 1)], none, /goes back/],
    ["two votes in one term", [state(1, 1, 0), state(1, 2, 0)], none, /vote changes/],
    ["a gap between snapshot and log", [entries(1, 9)], { index: 6, term: 1 }, /begins at entry 10/],
  ] as const)("%s", (_, batches, snapshot, why) => {
    expect(() => replayed(batches, snapshot)).toThrow(why);
  });

  test.each([
    ["an unknown kind", Uint8Array.of(9, 0, 0, 0, 0)],
    ["a record longer than its batch", Uint8Array.of(1, 0, 0, 0, 5, 1)],
    ["half a record header", Uint8Array.of(1, 0)],
  ])("%s", (_, bytes) => {
    expect(() => decodeBatch(bytes)).toThrow();
  });
});
