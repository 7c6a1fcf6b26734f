import { describe, expect, test } from "vitest";
import { newId, sleep } from "../../src/base/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";

describe("virtual clock", () => {
  test("runs timers by time, ties in the order they were set", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    for (const [delayMs, name] of [
      [20, "c"],
      [10, "a"],
      [10, "b"],
      [0, "now"],
    ] as const) {
      clock.after(delayMs, () => seen.push(`${name}@${clock.monotonic()}`));
    }
    await clock.advance(15);
    expect(seen).toEqual(["now@0", "a@10", "b@10"]);
    expect(clock.monotonic()).toBe(15);
    await clock.advance(5);
    expect(seen.at(-1)).toBe("c@20");
  });

  test("keeps the order of a thousand random timers, a third of them cancelled", async () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(7);
    const seen: number[] = [];
    const expected: [number, number][] = [];
    for (let n = 0; n < 6000; n++) {
      const delayMs = random.int(500);
      const timer = clock.after(delayMs, () => seen.push(n));
      if (n % 3) timer.cancel();
      else expected.push([delayMs, n]);
    }
    expect(clock.pending).toBe(2000);
    while (clock.step());
    expect(seen).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, n]) => n));
  });

  test("a cancelled timer does not run, and cancelling twice is nothing", async () => {
    const clock = new VirtualClock();
    let ran = false;
    const timer = clock.after(1, () => {
      ran = true;
    });
    timer.cancel();
    timer.cancel();
    await clock.advance(5);
    expect(ran).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test("long promise chains come to rest before the next timer", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(1, () => {
      void (async () => {
        for (let hop = 0; hop < 5000; hop++) await Promise.resolve();
        seen.push(`chain@${clock.monotonic()}`);
      })();
    });
    clock.after(2, () => seen.push("timer"));
    await clock.advance(2);
    expect(seen).toEqual(["chain@1", "timer"]);
  });

  test("sleeps nest, and wall time follows and can jump alone", async () => {
    const clock = new VirtualClock(1_000_000);
    const nested = (async () => {
      await sleep(clock, 100);
      await sleep(clock, 200);
      return clock.now();
    })();
    expect(await clock.finish(nested, 1000)).toBe(1_000_300);
    clock.jumpWall(-5000);
    expect([clock.now(), clock.monotonic()]).toEqual([995_300, 300]);
  });

  test("runUntil stops at the timer that makes it true", async () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count += 1;
      clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock.runUntil(() => count === 3, 1000);
    expect(clock.monotonic()).toBe(30);
    await expect(clock.runUntil(() => count === 9, 20, "nine")).rejects.toThrow("nine did not come within 20 ms");
  });

  test("runUntil says so when nothing is left to happen", async () => {
    const clock = new VirtualClock();
    await expect(clock.runUntil(() => false, 1000, "it")).rejects.toThrow("it never came: nothing is left to happen");
  });
});

describe("seeded random", () => {
  test("repeats by seed, differs between seeds and forks", () => {
    const draw = (random: SeededRandom): string => [...Array(4)].map(() => random.uint32()).join();
    expect(draw(new SeededRandom(1))).toBe(draw(new SeededRandom(1)));
    expect(draw(new SeededRandom(1))).not.toBe(draw(new SeededRandom(2)));
    const used = new SeededRandom(1);
    used.uint32();
    expect(draw(used.fork("a"))).toBe(draw(new SeededRandom(1).fork("a")));
    expect(draw(used.fork("a"))).not.toBe(draw(used.fork("b")));
  });

  test("spreads evenly", () => {
    const random = new SeededRandom(3);
    const ones = Array<number>(10).fill(0);
    for (let n = 0; n < 100_000; n++) {
      const at = random.int(10);
      ones[at] = (ones[at] ?? 0) + 1;
    }
    for (const count of ones) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(newId(random)).toMatch(/^[0-9a-z]{25}$/);
  });
});
