import { describe, expect, test } from "vitest";
import { SwarmError, silentLog } from "../../src/base/index.js";
import { announce, mustJoin, type Standing } from "../../src/daemon/managing/announce.js";
import { VirtualClock } from "../../src/sim/index.js";

const member: Standing = {
  ...{ isMember: true, hasLeader: true, silentForMs: 0 },
  ...{ knownAddr: "10.0.0.1:2377", ownAddr: "10.0.0.1:2377" },
};

describe("a manager asks to be taken in", () => {
  test.each([
    ["is a member under its address", {}, false],
    ["is none yet", { isMember: false }, true],
    ["is none, and its log knows a leader", { isMember: false, hasLeader: true, knownAddr: undefined }, true],
    ["came back with another address", { ownAddr: "10.0.0.9:2377" }, true],
    [
      "came back with another address, where no leader speaks to it",
      { ownAddr: "10.0.0.9:2377", hasLeader: false },
      true,
    ],
    ["has no leader during an election", { hasLeader: false, silentForMs: 2_900 }, false],
    ["has heard of no leader for long: it may have been removed", { hasLeader: false, silentForMs: 3_000 }, true],
  ] as const)("when it %s: %o → %s", (_title, change, expected) => {
    expect(mustJoin({ ...member, ...change })).toBe(expected);
  });

  function aManager(answers: (() => Error | undefined)[]) {
    const clock = new VirtualClock();
    const asked: number[] = [];
    const events: string[] = [];
    let standing: Standing = { ...member, isMember: false };
    const life = new AbortController();
    const run = announce(
      {
        ...{ clock, log: silentLog, standing: () => standing },
        join: async () => {
          asked.push(clock.monotonic());
          const error = answers[asked.length - 1]?.();
          if (error) throw error;
          return { peers: [] };
        },
        joined: async () => {
          events.push("joined");
          standing = member;
        },
        replaced: () => events.push("replaced"),
      },
      life.signal,
    ).catch((error: Error) => error.message);
    return { clock, asked, events, stop: () => life.abort(new Error("stopped")), run };
  }

  test("until one answers, with growing pauses; then it asks no more", async () => {
    const down = (): Error => new SwarmError("Unavailable", "nobody there");
    const { clock, asked, events, stop, run } = aManager([down, down, down]);
    await clock.advance(60_000);
    expect(asked).toEqual([0, 100, 300, 700]);
    expect(events).toEqual(["joined"]);
    stop();
    await clock.advance(0);
    expect(await run).toBe("stopped");
  });

  test("and becomes another member when this one was removed for good", async () => {
    const { clock, events, stop } = aManager([() => new SwarmError("AlreadyExists", "it was a member before")]);
    await clock.advance(50);
    expect(events).toEqual(["replaced"]);
    stop();
  });
});
