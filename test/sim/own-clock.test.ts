// A machine's own clock: fast, slow, ahead.

import { beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/sim/index.js";
import { OwnClock } from "../../src/sim/own-clock.js";

let clock: VirtualClock;
let own: OwnClock;
let came: number[];

beforeEach(() => {
  clock = new VirtualClock(0);
  own = new OwnClock(clock);
  came = [];
});

function wait(ms: number): ReturnType<OwnClock["after"]> {
  return own.after(ms, () => came.push(clock.monotonic()));
}

describe("a clock at another speed", () => {
  test.each([
    { rate: 1, comesAt: 600, shows: 3_000, gained: 0 },
    { rate: 3, comesAt: 1_800, shows: 1_000, gained: 0 },
    { rate: 0.5, comesAt: 300, shows: 6_000, gained: 3_000 },
  ])("$rate ms for one", async ({ rate, comesAt, shows, gained }) => {
    own.skew(rate);
    wait(600);
    await clock.advance(3_000);
    expect([came, own.monotonic(), own.gainedMs, own.isRight]).toEqual([[comesAt], shows, gained, rate === 1]);
  });

  test("what is waited for comes in its time, whenever the speed changes", async () => {
    wait(1_000);
    await clock.advance(400);
    own.skew(3);
    await clock.advance(600);
    own.skew(1);
    await clock.advance(5_000);
    expect(came).toEqual([1_400]);
  });

  test("a wait that is cancelled does not come back with another speed", async () => {
    const timer = wait(1_000);
    timer.cancel();
    own.skew(0.5);
    await clock.advance(5_000);
    expect(came).toEqual([]);
  });

  test("who finds itself early by a hair gets on", async () => {
    await clock.advance(16_467.6);
    own.leap(0.1);
    const untilMs = own.monotonic() + 1e-12;
    let looks = 0;
    const look = (): void => {
      looks += 1;
      if (own.monotonic() < untilMs && looks < 10) own.after(untilMs - own.monotonic(), look);
    };
    own.after(1e-13, look);
    await clock.advance(1);
    expect(own.monotonic()).toBeGreaterThan(untilMs);
    expect(looks).toBeLessThan(10);
  });
});

test("a leap shows at once, and moves neither wall time nor what is waited for", async () => {
  wait(600);
  own.leap(10_000);
  expect([own.monotonic(), own.now(), own.gainedMs]).toEqual([10_000, 0, 10_000]);
  await clock.advance(600);
  expect(came).toEqual([600]);
});

test("wall time may be off", () => {
  own.wallOffsetMs = -4_000;
  expect([own.now(), own.monotonic()]).toEqual([-4_000, 0]);
});
