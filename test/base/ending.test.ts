import { expect, test } from "vitest";
import { Ending } from "../../src/base/index.js";

test("an end comes once, to all who listen, with its first reason", () => {
  const ending = new Ending();
  const heard: unknown[] = [];
  const dropped = (): void => void heard.push("dropped");
  ending.listen((reason) => heard.push(reason));
  ending.listen(dropped);
  ending.unlisten(dropped);
  ending.throwIfCome();
  ending.end("first");
  ending.end("second");
  expect({ heard, hasCome: ending.hasCome, reason: ending.reason }).toEqual({
    heard: ["first"],
    hasCome: true,
    reason: "first",
  });
  expect(() => ending.throwIfCome()).toThrow("first");
});

test("who listens late hears of it at once", () => {
  const ending = new Ending();
  ending.end("gone");
  const heard: unknown[] = [];
  ending.listen((reason) => heard.push(reason));
  expect(heard).toEqual(["gone"]);
});

test("its signal aborts with it, whenever it is asked for", () => {
  const [early, late] = [new Ending(), new Ending()];
  const { signal } = early;
  expect(signal.aborted).toBe(false);
  for (const ending of [early, late]) ending.end("gone");
  expect([signal, late.signal].map(({ aborted, reason }) => ({ aborted, reason: reason as unknown }))).toEqual([
    { aborted: true, reason: "gone" },
    { aborted: true, reason: "gone" },
  ]);
});

test("one of a signal comes when that is aborted, or has come", () => {
  const abort = new AbortController();
  const ending = Ending.of(abort.signal);
  expect(ending.hasCome).toBe(false);
  abort.abort("gone");
  expect([ending.reason, Ending.of(abort.signal).reason]).toEqual(["gone", "gone"]);
});
