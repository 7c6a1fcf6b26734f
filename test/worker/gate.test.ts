import { expect, test } from "vitest";
import { Gate } from "../../src/worker/gate.js";

const never = new AbortController().signal;

/** Enters the gate and stays until told to leave. */
function visitor(gate: Gate, order: number, entered: number[], signal = never) {
  let leave = (): void => {};
  const left = gate.run(
    order,
    () => {
      entered.push(order);
      return new Promise<void>((resolve) => {
        leave = resolve;
      });
    },
    signal,
  );
  return { left, leave: () => leave() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("lets in as many as it holds, then the lowest order first", async () => {
  const gate = new Gate(() => 2);
  const entered: number[] = [];
  const visitors = [5, 4, 9, 1, 3].map((order) => visitor(gate, order, entered));
  await turn();
  expect(entered).toEqual([5, 4]);
  visitors[0]?.leave();
  await turn();
  visitors[1]?.leave();
  await turn();
  expect(entered).toEqual([5, 4, 1, 3]);
});

test("a cancelled wait takes no place, and one inside is not thrown out", async () => {
  const gate = new Gate(() => 1);
  const entered: number[] = [];
  const abort = new AbortController();
  const inside = visitor(gate, 1, entered, abort.signal);
  const waiting = visitor(gate, 2, entered, abort.signal);
  const next = visitor(gate, 3, entered);
  await turn();
  abort.abort(new Error("stop"));
  await expect(waiting.left).rejects.toThrow("stop");
  expect(entered).toEqual([1]);
  inside.leave();
  await inside.left;
  await turn();
  expect(entered).toEqual([1, 3]);
  next.leave();
  await next.left;
});

test("a failure inside frees the place", async () => {
  const gate = new Gate(() => 1);
  await expect(gate.run(1, () => Promise.reject(new Error("no")), never)).rejects.toThrow("no");
  expect(await gate.run(2, () => Promise.resolve("in"), never)).toBe("in");
});
