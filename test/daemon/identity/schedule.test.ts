import { describe, expect, test } from "vitest";
import { renewalAtMs, renewalRetryMs } from "../../../src/daemon/identity/schedule.js";
import { SeededRandom } from "../../../src/sim/index.js";

const minuteMs = 60_000;
const validity = { notBeforeMs: 0, notAfterMs: 1_000 * minuteMs };

describe("a certificate is renewed", () => {
  test.each([
    [0, 500],
    [0.5, 650],
    [0.999999, 799],
  ])("between half and four fifths of its life (chance %d)", (chance, minutes) => {
    expect(renewalAtMs(validity, chance)).toBe(minutes * minuteMs);
  });

  test("again after a failure: 5 s, doubled up to an hour, spread out", () => {
    const random = new SeededRandom(1);
    const bounds = [1, 2, 3, 10, 11, 50].map((failures) => {
      const waits = Array.from({ length: 200 }, () => renewalRetryMs(failures, random));
      return [Math.round(Math.min(...waits) / 500) / 2, Math.round(Math.max(...waits) / 500) / 2];
    });
    expect(bounds.map(([, most]) => most)).toEqual(
      [5, 10, 20, 2_560, 3_600, 3_600].map((s) => expect.closeTo(s, -1.5)),
    );
    for (const [least = 0, most = 0] of bounds) expect(least).toBeGreaterThanOrEqual(most / 2 - 1);
  });
});
