import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/base/host/index.js";

const dayMs = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a delay beyond what setTimeout can hold does not run at once, but when it is due", async () => {
  const seen: string[] = [];
  systemClock.after(60 * dayMs, () => seen.push("60 days"));
  systemClock.after(Number.POSITIVE_INFINITY, () => seen.push("never"));
  systemClock.after(59 * dayMs, () => seen.push("cancelled")).cancel();
  await vi.advanceTimersByTimeAsync(60 * dayMs - 1);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen).toEqual(["60 days"]);
});
