import { expect, test } from "vitest";
import { inTurns, turnMs } from "../../../src/raft/host/turn.js";

/** A loop by hand: each turn runs what was asked before it; work takes the time it says. */
function aLoop() {
  let nowMs = 0;
  let asked: (() => void)[] = [];
  const done: string[] = [];
  const nextTurn = inTurns({ nowMs: () => nowMs, soon: (fn) => void asked.push(fn) });
  return {
    done,
    work: (name: string, tookMs: number, then?: () => void): void =>
      nextTurn(() => {
        nowMs += tookMs;
        done.push(name);
        then?.();
      }),
    turn: (): void => {
      const now = asked;
      asked = [];
      for (const fn of now) fn();
      done.push("|");
    },
    get isIdle(): boolean {
      return asked.length === 0;
    },
  };
}

test("what takes no time is done in one turn, in the order it was asked for", () => {
  const loop = aLoop();
  for (const name of ["a", "b", "c"]) loop.work(name, 1);
  loop.turn();
  expect(loop.done.join("")).toBe("abc|");
});

test("once a turn has its fill the rest waits, and goes before what is asked for later", () => {
  const loop = aLoop();
  loop.work("a", turnMs, () => loop.work("later", 1));
  for (const name of ["b", "c", "d"]) loop.work(name, turnMs - 1);
  for (let turn = 0; turn < 4; turn += 1) loop.turn();
  expect(loop.done.join(" ")).toBe("a | b c | d later | |");
});

test("each turn begins anew, and the loop comes to rest", () => {
  const loop = aLoop();
  loop.work("a", 10 * turnMs);
  loop.turn();
  loop.work("b", 10 * turnMs);
  loop.turn();
  loop.turn();
  expect(loop.done.join("")).toBe("a|b||");
  expect(loop.isIdle).toBe(true);
});
