import { describe, expect, test } from "vitest";
import { firstOpen } from "../../src/daemon/first-open.js";
import { VirtualClock } from "../../src/sim/index.js";

/** What an address does when it is dialled: opens or refuses after so long, or says nothing. */
type Answer = { readonly opensMs: number } | { readonly refusesMs: number } | "silent";

function dialling(answers: Readonly<Record<string, Answer>>) {
  const clock = new VirtualClock();
  const dialled: string[] = [];
  const failures: string[] = [];
  const closed: string[] = [];
  const dropped: string[] = [];
  const open = (addr: string, signal: AbortSignal): Promise<{ close(): void }> => {
    dialled.push(`${addr}@${clock.monotonic()}`);
    const answer = answers[addr];
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => dropped.push(addr));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      if (answer === undefined || answer === "silent") return;
      if ("opensMs" in answer) clock.after(answer.opensMs, () => resolve({ close: () => closed.push(addr) }));
      else clock.after(answer.refusesMs, () => reject(new Error(`${addr} refused`)));
    });
  };
  const signal = new AbortController();
  const result = firstOpen(Object.keys(answers), {
    ...{ clock, patienceMs: 250, signal: signal.signal, open },
    failed: (addr) => failures.push(addr),
  });
  return { result, clock, dialled, failures, closed, dropped, abort: () => signal.abort(new Error("stopped")) };
}

describe("of several managers", () => {
  test("the first is taken when it answers in time, and nobody else is dialled", async () => {
    const { result, clock, dialled } = dialling({ a: { opensMs: 20 }, b: { opensMs: 1 } });
    await clock.advance(2_000);
    expect((await result).addr).toBe("a");
    expect(dialled).toEqual(["a@0"]);
    expect(clock.pending).toBe(0);
  });

  test("the next is dialled at once when one refuses", async () => {
    const { result, clock, dialled, failures } = dialling({ a: { refusesMs: 1 }, b: { opensMs: 5 } });
    await clock.advance(2_000);
    expect((await result).addr).toBe("b");
    expect(dialled).toEqual(["a@0", "b@1"]);
    expect(failures).toEqual(["a"]);
  });

  test("one that is silent keeps the next waiting for a moment only, and is dropped", async () => {
    const { result, clock, dialled, dropped } = dialling({ a: "silent", b: { opensMs: 5 } });
    await clock.advance(2_000);
    expect((await result).addr).toBe("b");
    expect(dialled).toEqual(["a@0", "b@250"]);
    expect(dropped).toEqual(["a"]);
  });

  test("one that answers after another was taken is closed", async () => {
    const clock = new VirtualClock();
    const closed: string[] = [];
    const result = firstOpen<{ close(): void }>(["slow", "quick"], {
      ...{ clock, patienceMs: 250, signal: new AbortController().signal },
      open: (addr) =>
        new Promise((resolve) => {
          clock.after(addr === "slow" ? 400 : 100, () => resolve({ close: () => closed.push(addr) }));
        }),
      failed: () => {},
    });
    await clock.advance(2_000);
    expect((await result).addr).toBe("quick");
    expect(closed).toEqual(["slow"]);
  });

  test("when none answers, the last failure is told, and each is known to have failed", async () => {
    const { result, clock, failures } = dialling({ a: { refusesMs: 300 }, b: { refusesMs: 1 } });
    const caught = result.catch((error: Error) => error.message);
    await clock.advance(2_000);
    expect(await caught).toBe("a refused");
    expect(failures).toEqual(["b", "a"]);
    expect(clock.pending).toBe(0);
  });

  test("who waits no more drops them all", async () => {
    const { result, clock, dropped, abort } = dialling({ a: "silent", b: "silent" });
    const caught = result.catch((error: Error) => error.message);
    await clock.advance(1_000);
    abort();
    await clock.advance(0);
    expect(await caught).toBe("stopped");
    expect(dropped).toEqual(["a", "b"]);
  });
});
