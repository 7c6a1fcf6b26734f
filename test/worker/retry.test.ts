import { describe, expect, test } from "vitest";
import { Retry, type SessionEnd } from "../../src/worker/retry.js";

/** The longest that chance gives. */
const latest = { next: () => 1, bytes: () => new Uint8Array() };
const earliest = { ...latest, next: () => 0 };

/** An end, and how long the session before it had been welcome. */
type End = SessionEnd | readonly [SessionEnd, number];

function waitsAfter(ends: readonly End[], random = latest): number[] {
  const retry = new Retry();
  return ends.map((end) => {
    const [how, livedMs] = typeof end === "string" ? ([end, 0] as const) : end;
    return Math.round(retry.after(how, livedMs, random));
  });
}

const table: readonly { title: string; ends: readonly End[]; waits: readonly number[] }[] = [
  {
    title: "failures make it come ever more seldom, every 3 s at last: a new leader's grace is 5 s",
    ends: Array.from({ length: 7 }, () => "failed" as const),
    waits: [100, 200, 400, 800, 1_600, 3_000, 3_000],
  },
  {
    title: "an election is soon over, unless it is not",
    ends: Array.from({ length: 10 }, () => "leaderless" as const),
    waits: [100, 150, 225, 338, 506, 759, 1_139, 1_709, 2_563, 3_000],
  },
  {
    title: "an election has nothing to do with failures before it",
    ends: ["failed", "failed", "failed", "leaderless", "failed"],
    waits: [100, 200, 400, 100, 800],
  },
  {
    title: "a manager that names another is followed at once, three times",
    ends: ["sent on", "sent on", "sent on", "sent on", "sent on"],
    waits: [0, 0, 0, 100, 200],
  },
  {
    title: "a welcome is no reason to hurry: an overloaded manager may welcome and lose it again and again",
    ends: ["failed", "failed", ["failed", 2_100], ["failed", 4_999]],
    waits: [100, 200, 400, 800],
  },
  {
    title: "who was welcome is there again before three beats of silence are over",
    ends: ["failed", "failed", "failed", "failed", "failed", ["failed", 400], ["failed", 400], "failed"],
    waits: [100, 200, 400, 800, 1_600, 800, 800, 1_600],
  },
  {
    title: "a session that lasted does",
    ends: ["failed", "failed", "leaderless", "sent on", ["failed", 5_000], "failed", "leaderless"],
    waits: [100, 200, 100, 0, 100, 200, 100],
  },
];

describe("an agent that comes again", () => {
  test.each(table)("$title", ({ ends, waits }) => {
    expect(waitsAfter(ends)).toEqual(waits);
  });

  test("spreads over half of each wait", () => {
    expect(waitsAfter(["failed", "failed", "leaderless"], earliest)).toEqual([50, 100, 50]);
  });

  test("is more patient after a failure, not after an election", () => {
    const retry = new Retry();
    const patience = (end: SessionEnd, livedMs = 0): number => {
      retry.after(end, livedMs, latest);
      return retry.patience;
    };
    expect(retry.patience).toBe(1);
    expect(patience("leaderless")).toBe(1);
    expect(patience("failed")).toBe(2);
    expect(patience("leaderless", 5_000)).toBe(1);
  });
});
