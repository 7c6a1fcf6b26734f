// A thousand agents lose their leader at once, on virtual time: the agents' own rules (Retry, Connector), the managers' own row
// (Handshakes), and between them a model of what costs time: a manager serves so many handshakes a second, one after the other,
// also those of agents that are gone by then.

import { describe, expect, test } from "vitest";
import { backoffMs, sleep } from "../../src/base/index.js";
import { Connector } from "../../src/daemon/connector.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { Handshakes } from "../../src/rpc/handshakes.js";
import { NotTheLeader, type SessionStream } from "../../src/rpc/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { Refused } from "../../src/worker/index.js";
import { Retry } from "../../src/worker/retry.js";

const agentsCount = 1_000;
const credentials = { root: "", certificate: "", key: "", nodeId: "n", clusterId: "c", role: NodeRole.WORKER };
/** The bound of an agent's try (rpc/session.ts). */
const openMs = 10_000;

interface Comer {
  readonly address: string;
  readonly served: () => void;
  readonly refused: () => void;
}

/** The processor of one manager: handshakes that began are worked off in order. */
class Processor {
  readonly #clock: VirtualClock;
  readonly #eachMs: number;
  #freeAtMs = 0;
  handshakes = 0;

  constructor(clock: VirtualClock, perSecond: number) {
    this.#clock = clock;
    this.#eachMs = 1_000 / perSecond;
  }

  work(done: () => void): void {
    this.handshakes += 1;
    const nowMs = this.#clock.monotonic();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + this.#eachMs;
    this.#clock.after(this.#freeAtMs - nowMs, done);
  }
}

/** Lets agents in, in turns, as a manager does. */
class Door {
  readonly processor: Processor;
  readonly #row: Handshakes<Comer>;

  constructor(clock: VirtualClock, perSecond: number) {
    this.processor = new Processor(clock, perSecond);
    this.#row = new Handshakes<Comer>(
      { helloMs: 5_000 },
      {
        clock,
        begin: (comer) =>
          this.processor.work(() => {
            this.#row.over(comer);
            comer.served();
          }),
        refuse: (comer) => {
          this.#row.over(comer);
          comer.refused();
        },
      },
    );
  }

  get waiting(): number {
    return this.#row.size;
  }

  /** Resolves when the handshake stands; rejects when it was refused, or is no longer wanted. */
  come(address: string, signal: AbortSignal, isManager = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const comer = { address, served: resolve, refused: () => reject(new Error("closed the connection")) };
      const leave = (): void => {
        this.#row.over(comer);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#row.arrive(comer);
      this.#row.ready(comer, isManager);
    });
  }
}

/** Three managers: "a" is dead, "b" follows "c". */
function aStorm(perSecond: number, addressOf: (agent: number) => string) {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const doors = { b: new Door(clock, perSecond), c: new Door(clock, perSecond) };
  const backAtMs: number[] = [];
  const open = async (addr: string, agent: number, until: AbortSignal): Promise<SessionStream> => {
    if (addr !== "b" && addr !== "c") throw new Error("connection refused");
    const late = new AbortController();
    const timer = clock.after(openMs, () => late.abort(new Error("did not answer")));
    await doors[addr].come(addressOf(agent), AbortSignal.any([until, late.signal])).finally(() => timer.cancel());
    if (addr === "b") throw new NotTheLeader("c");
    const done = async (): Promise<void> => {};
    return { send: done, messages: (async function* () {})(), publish: done, close: done };
  };
  const run = async (agent: number): Promise<void> => {
    const connector = new Connector(["a", "b", "c"], {
      ...{ clock, random, credentials: () => credentials, local: () => undefined, changed: () => {} },
      own: () => ({ addr: "", leaderAddr: "" }),
      open: ({ addr }, { signal }) => open(addr, agent, signal),
    });
    const retry = new Retry();
    await sleep(clock, retry.after("failed", 0, random));
    for (;;) {
      try {
        await connector.connect(new AbortController().signal, retry.patience);
        backAtMs.push(clock.monotonic());
        return;
      } catch (error) {
        await sleep(clock, retry.after(error instanceof Refused ? "leaderless" : "failed", 0, random));
      }
    }
  };
  for (let agent = 0; agent < agentsCount; agent += 1) void run(agent);
  return { clock, doors, backAtMs };
}

describe("a thousand agents that lose their leader at once", () => {
  const table: readonly {
    perSecond: number;
    behind: "own addresses" | "one address";
    withinMs: number;
    wasted: number;
  }[] = [
    { perSecond: 1_000, behind: "own addresses", withinMs: 2_500, wasted: 0.02 },
    { perSecond: 1_000, behind: "one address", withinMs: 2_500, wasted: 0.02 },
    { perSecond: 200, behind: "own addresses", withinMs: 8_000, wasted: 0.02 },
    { perSecond: 50, behind: "own addresses", withinMs: 30_000, wasted: 0.1 },
    { perSecond: 50, behind: "one address", withinMs: 30_000, wasted: 0.1 },
  ];
  test.each(table)(
    "are back as fast as a manager that serves $perSecond a second can, behind $behind, and nearly nothing it does is in vain",
    async ({ perSecond, behind, withinMs, wasted }) => {
      const { clock, doors, backAtMs } = aStorm(perSecond, (agent) => (behind === "one address" ? "nat" : `n${agent}`));
      await clock.runUntil(() => backAtMs.length === agentsCount, 10 * withinMs, "all sessions");
      expect(clock.monotonic()).toBeLessThan(withinMs);
      expect(doors.c.processor.handshakes).toBeLessThan((1 + wasted) * agentsCount);
    },
    20_000,
  );

  test.each([1_000, 200, 50])(
    "do not keep managers of %d handshakes a second apart: a line of Raft stands within the second it has",
    async (perSecond) => {
      const { clock, doors } = aStorm(perSecond, (agent) => `n${agent}`);
      await clock.advance(600);
      expect(doors.c.waiting).toBeGreaterThan(100);
      await clock.finish(doors.c.come("manager", new AbortController().signal, true), 999, "the line");
    },
    20_000,
  );

  // What it was: every connection's handshake begins at once, a try ends after 2 s, the next comes within 1 s.
  test("never came back when all handshakes began at once and agents gave up after 2 s", async () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(7);
    const processor = new Processor(clock, 200);
    let back = 0;
    const run = async (): Promise<void> => {
      for (let failures = 1; ; failures += 1) {
        await sleep(clock, backoffMs({ firstMs: 100, maxMs: 1_000 }, failures, random));
        const isServed = await new Promise<boolean>((resolve) => {
          clock.after(2_000, () => resolve(false));
          processor.work(() => resolve(true));
        });
        if (isServed) break;
      }
      back += 1;
    };
    for (let agent = 0; agent < agentsCount; agent += 1) void run();
    await clock.advance(10_000);
    const backAfter10s = back;
    await clock.advance(110_000);
    expect(back).toBe(backAfter10s);
    expect(back).toBeLessThan(agentsCount / 2);
  }, 20_000);
});
