// The system's random bytes, drawn ahead: none is given out twice, and of any number.

import { expect, test } from "vitest";
import { systemRandom } from "../../src/base/host/index.js";

test("no bytes are given out twice, over many pools and beyond one", () => {
  const drawn = new Set<string>();
  for (let n = 0; n < 2_000; n++) drawn.add(Buffer.from(systemRandom.bytes(17)).toString("hex"));
  expect(drawn.size).toBe(2_000);
  expect(systemRandom.bytes(10_000)).toHaveLength(10_000);
  expect(systemRandom.bytes(0)).toHaveLength(0);
});

test("what was given out is its taker's alone", () => {
  const first = systemRandom.bytes(32);
  const copy = Uint8Array.from(first);
  systemRandom.bytes(32).fill(0);
  for (let n = 0; n < 500; n++) systemRandom.bytes(32);
  expect(first).toEqual(copy);
});
