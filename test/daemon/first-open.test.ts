import { describe, expect, test } from "vitest";
import { firstOpen } from "../../src/daemon/first-open.js";
import { VirtualClock } from "../../src/sim/index.js";

class Refusal extends Error {
  readonly names: string | undefined;

  constructor(message: string, names: string | undefined) {
    super(message);
    this.names = names;
  }
}

/** What an address does when it is dialled: opens or refuses after so long, or says nothing. */
type Answer = { readonly opensMs: number } | { readonly refusesMs: number; readonly names?: string } | "silent";

function dialling(answers: Readonly<Record<string, Answer | readonly Answer[]>>) {
  const clock = new VirtualClock();
  const dialled: string[] = [];
  const failures: string[] = [];
  const closed: string[] = [];
  const dropped: string[] = [];
  const open = (addr: string, signal: AbortSignal): Promise<{ close(): void }> => {
    dialled.push(`${addr}@${clock.monotonic()}`);
    const all = [answers[addr] ?? "silent"].flat();
    const answer = all[Math.min(dialled.filter((each) => each.startsWith(`${addr}@`)).length, all.length) - 1];
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => dropped.push(addr));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      if (answer === undefined || answer === "silent") return;
      if ("opensMs" in answer) clock.after(answer.opensMs, () => resolve({ close: () => closed.push(addr) }));
      else clock.after(answer.refusesMs, () => reject(new Refusal(`${addr} refused`, answer.names)));
    });
  };
  const signal = new AbortController();
  const result = firstOpen(Object.keys(answers), {
    ...{ clock, patienceMs: 250, signal: signal.signal, open },
    failed: (addr, error) => {
      failures.push(addr);
      return error instanceof Refusal ? error.names : undefined;
    },
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

describe("the one that another names", () => {
  test("is dialled at once, before those whose turn it would be", async () => {
    const { result, clock, dialled } = dialling({ a: { refusesMs: 5, names: "c" }, b: "silent", c: { opensMs: 5 } });
    await clock.advance(2_000);
    expect((await result).addr).toBe("c");
    expect(dialled).toEqual(["a@0", "c@5"]);
  });

  test("goes on being dialled, if it is: it may have others to let in first", async () => {
    const { result, clock, dialled } = dialling({ a: { opensMs: 900 }, b: { refusesMs: 5, names: "a" }, c: "silent" });
    await clock.advance(2_000);
    expect((await result).addr).toBe("a");
    expect(dialled).toEqual(["a@0", "b@250"]);
  });

  test("is given more time, then the others are asked again, ever more seldom", async () => {
    const stale = { refusesMs: 5, names: "a" };
    const { clock, dialled, dropped } = dialling({ a: "silent", b: stale });
    await clock.advance(7_000);
    expect(dialled).toEqual(["a@0", "b@250", "b@1255", "b@3260"]);
    expect(dropped).toEqual([]);
  });

  test("may be another one then", async () => {
    const { result, clock, dialled } = dialling({
      a: "silent",
      b: [{ refusesMs: 5, names: "a" }, { opensMs: 5 }],
      c: { refusesMs: 5, names: "a" },
    });
    await clock.advance(7_000);
    expect((await result).addr).toBe("b");
    expect(dialled).toEqual(["a@0", "b@250", "c@1255", "b@2260"]);
  });

  test("may have failed before, and was elected since", async () => {
    const { result, clock, dialled } = dialling({
      a: [{ refusesMs: 5 }, { opensMs: 5 }],
      b: { refusesMs: 5, names: "a" },
    });
    await clock.advance(2_000);
    expect((await result).addr).toBe("a");
    expect(dialled).toEqual(["a@0", "b@5", "a@10"]);
  });

  test("is not followed round in circles", async () => {
    const { result, clock, dialled } = dialling({
      a: { refusesMs: 5, names: "b" },
      b: { refusesMs: 5, names: "a" },
    });
    const caught = result.catch((error: Error) => error.message);
    await clock.advance(20_000);
    expect(await caught).toBe("b refused");
    expect(dialled).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  test("is nobody: who is silent is not waited for", async () => {
    const { result, clock, dropped } = dialling({ a: "silent", b: { refusesMs: 5, names: "" } });
    const caught = result.catch((error: Error) => error.message);
    await clock.advance(300);
    expect(await caught).toBe("b refused");
    expect(dropped).toEqual(["a"]);
  });
});
