import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/sim/index.js";
import { Turns } from "../../src/store/turns.js";
import { ManualTurns } from "../support/turns.js";

const never = new AbortController().signal;

function count(steps: number): { readonly steps: Iterable<void>; readonly taken: () => number } {
  let taken = 0;
  return {
    taken: () => taken,
    steps: (function* () {
      for (; taken < steps; taken += 1) yield;
    })(),
  };
}

describe("long work", () => {
  test("begins in the next turn, and takes so many steps a turn", async () => {
    const clock = new VirtualClock();
    const manual = new ManualTurns(clock);
    const turns = new Turns({ turnSteps: 3 }, { clock, nextTurn: manual.nextTurn });
    const { steps, taken } = count(7);
    const run = turns.run(steps, never);
    const seen = [taken()];
    while (manual.isDue) {
      await manual.one();
      seen.push(taken());
    }
    await run;
    expect(seen).toEqual([0, 2, 5, 7]);
  });

  test("gives way once its time is over, however few steps it took", async () => {
    const clock = new VirtualClock();
    let nowMs = 0;
    const manual = new ManualTurns(clock);
    const slow = { now: () => 0, monotonic: () => nowMs, after: () => ({ cancel: () => undefined }) };
    const turns = new Turns({}, { clock: slow, nextTurn: manual.nextTurn });
    const { steps, taken } = count(100);
    const run = turns.run(slowly(), never);
    await manual.one();
    expect(taken()).toBeLessThan(20);
    await manual.all();
    await run;
    expect(taken()).toBe(100);

    function* slowly(): Iterable<void> {
      for (const _ of steps) {
        nowMs += 1;
        yield;
      }
    }
  });

  test("of several takes turns", async () => {
    const clock = new VirtualClock();
    const manual = new ManualTurns(clock);
    const turns = new Turns({ turnSteps: 2 }, { clock, nextTurn: manual.nextTurn });
    const order: string[] = [];
    const both = ["a", "b"].map((name) => turns.run(named(name), never));
    await manual.all();
    await Promise.all(both);
    expect(order.join("")).toBe("aabbaabb");

    function* named(name: string): Iterable<void> {
      for (let at = 0; at < 4; at += 1) {
        order.push(name);
        yield;
      }
    }
  });

  test("ends between two turns when it is told to", async () => {
    const clock = new VirtualClock();
    const manual = new ManualTurns(clock);
    const turns = new Turns({ turnSteps: 2 }, { clock, nextTurn: manual.nextTurn });
    const { steps, taken } = count(100);
    const stop = new AbortController();
    const run = turns.run(steps, stop.signal);
    await manual.one();
    stop.abort(new Error("enough"));
    const ended = expect(run).rejects.toThrow("enough");
    await manual.all();
    await ended;
    expect(taken()).toBeLessThan(4);
  });
});
