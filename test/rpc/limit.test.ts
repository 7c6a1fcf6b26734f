import { describe, expect, test } from "vitest";
import { type LogFields, silentLog } from "../../src/base/index.js";
import { CallLimit } from "../../src/rpc/limit.js";
import { sparseWarn } from "../../src/rpc/sparse-log.js";
import { VirtualClock } from "../../src/sim/index.js";

describe("the limit on strangers' calls", () => {
  test("lets an address make ten at once, then one each 100 ms", () => {
    const limit = new CallLimit();
    const burst = Array.from({ length: 12 }, () => limit.take("a", 0));
    expect(burst).toEqual([...Array(10).fill(true), false, false]);
    expect([limit.take("a", 99), limit.take("a", 100), limit.take("a", 100), limit.take("a", 200)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test("counts each address for itself", () => {
    const limit = new CallLimit();
    for (let calls = 0; calls < 10; calls += 1) limit.take("a", 0);
    expect([limit.take("a", 0), limit.take("b", 0)]).toEqual([false, true]);
  });

  test("saves up no more than ten", () => {
    const limit = new CallLimit();
    limit.take("a", 0);
    const later = Array.from({ length: 11 }, () => limit.take("a", 3_600_000));
    expect(later.filter(Boolean)).toHaveLength(10);
  });

  test("forgets the address longest unseen, not one that is being held back", () => {
    const limit = new CallLimit();
    for (let calls = 0; calls < 10; calls += 1) limit.take("busy", 0);
    for (let address = 0; address < 20_000; address += 1) {
      limit.take(`10.${address}`, 0);
      if (address % 1000 === 0) limit.take("busy", 0);
    }
    expect(limit.take("busy", 0)).toBe(false);
  });
});

describe("a warning strangers can cause at will", () => {
  test("is logged once in ten seconds, with how many were left out", async () => {
    const clock = new VirtualClock();
    const lines: LogFields[] = [];
    const warn = sparseWarn({ ...silentLog, warn: (message, fields) => lines.push({ message, ...fields }) }, clock);
    for (let count = 0; count < 100; count += 1) warn("refused", { address: "a" });
    await clock.advance(10_000);
    warn("refused", { address: "b" });
    expect(lines).toEqual([
      { message: "refused", address: "a" },
      { message: "refused", address: "b", suppressed: 99 },
    ]);
  });
});
