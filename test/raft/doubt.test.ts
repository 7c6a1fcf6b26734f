// A stall that falls between an election and the first entry of the term is the worst: what makes the member lead was said before.

import { expect, test } from "vitest";
import { Doubt } from "../../src/raft/doubt.js";
import { VirtualClock } from "../../src/sim/index.js";

const never = new Promise<never>(() => {});

async function aDoubt(): Promise<{ doubt: Doubt; clock: VirtualClock }> {
  const clock = new VirtualClock();
  await clock.advance(60_000);
  return { doubt: new Doubt({ electionTicks: 10, heartbeatTicks: 1, tickMs: 100 }, clock), clock };
}

test("a member that was elected and has yet to begin to lead does not step down, however long it runs", async () => {
  const { doubt } = await aDoubt();
  expect(doubt.judge(5_000)).toBe("doubt");
});

test("nor one that led for long before, and is elected again", async () => {
  const { doubt, clock } = await aDoubt();
  doubt.begin();
  await clock.advance(20_000);
  expect(doubt.judge(5_000)).toBe("resign");
  doubt.end();
  expect(doubt.judge(5_000)).toBe("doubt");
});

test("a doubt from before it began to lead is not over because it begins", async () => {
  const { doubt } = await aDoubt();
  doubt.open(never, () => {});
  doubt.begin();
  expect(doubt.isOpen).toBe(true);
});

test("a doubt ends with its answer, not with that of an earlier one, and with the lead", async () => {
  const { doubt } = await aDoubt();
  let told = 0;
  const first = Promise.resolve();
  doubt.open(first, () => (told += 1));
  doubt.open(never, () => (told += 1));
  await first;
  expect([doubt.isOpen, told]).toEqual([true, 0]);
  doubt.open(Promise.resolve(), () => (told += 1));
  await first;
  expect([doubt.isOpen, told]).toEqual([false, 1]);
  doubt.open(never, () => {});
  doubt.end();
  expect(doubt.isOpen).toBe(false);
});

test("one that nobody answered is to be asked again", async () => {
  const { doubt } = await aDoubt();
  doubt.open(Promise.reject(new Error("no answer")), () => {});
  await Promise.resolve();
  expect([doubt.isOpen, doubt.isUnanswered]).toEqual([true, true]);
});
