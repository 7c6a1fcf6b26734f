import { expect, test } from "vitest";
import { Wake } from "../../src/base/index.js";
import { VirtualClock } from "../../src/sim/index.js";

const never = new AbortController().signal;

test("a ring before the wait is heard, and heard once", async () => {
  const wake = new Wake();
  wake.ring();
  wake.ring();
  await wake.wait(never);
  let heard = false;
  void wake.wait(never).then(() => {
    heard = true;
  });
  await Promise.resolve();
  expect(heard).toBe(false);
});

test("a wait with a bound ends without a ring, and leaves no timer after one", async () => {
  const clock = new VirtualClock();
  const wake = new Wake();
  await clock.finish(wake.waitAtMost(clock, 100, never), 200);
  expect(clock.monotonic()).toBe(100);
  const waiting = wake.waitAtMost(clock, 100, never);
  wake.ring();
  await waiting;
  expect(clock.pending).toBe(0);
});

test("a wait ends with the signal's reason", async () => {
  const abort = new AbortController();
  const waiting = new Wake().wait(abort.signal);
  abort.abort(new Error("over"));
  await expect(waiting).rejects.toThrow("over");
  await expect(new Wake().wait(abort.signal)).rejects.toThrow("over");
});
