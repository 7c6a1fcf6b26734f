import { expect, test } from "vitest";
import { settledWithin } from "../../src/daemon/within.js";
import { VirtualClock } from "../../src/sim/index.js";

test.each([
  ["has come true", () => Promise.resolve(), 0],
  ["has failed", () => Promise.reject(new Error("no")), 0],
  ["does neither", () => new Promise(() => {}), 2_000],
] as const)("a wait with a bound for what %s leaves no timer behind", async (_what, promise, tookMs) => {
  const clock = new VirtualClock();
  await clock.finish(settledWithin(clock, 2_000, promise()), 10_000);
  expect(clock.monotonic()).toBe(tookMs);
  expect(clock.pending).toBe(0);
});
