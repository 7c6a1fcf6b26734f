import { expect, test } from "vitest";
import { aesSealer } from "../../../src/raft/host/index.js";

const key = new Uint8Array(32).fill(1);
const plain = new TextEncoder().encode("what nobody else may read");

test("what was sealed is opened by any life with the same key, and looks like nothing", () => {
  const sealed = aesSealer(key).seal(plain);
  expect(Buffer.from(aesSealer(key).open(sealed))).toEqual(Buffer.from(plain));
  expect(Buffer.from(sealed).includes(Buffer.from("nobody"))).toBe(false);
});

test("sealing the same twice never gives the same", () => {
  const sealer = aesSealer(key);
  const all = [sealer.seal(plain), sealer.seal(plain), aesSealer(key).seal(plain)];
  expect(new Set(all.map((sealed) => Buffer.from(sealed).toString("hex"))).size).toBe(3);
});

test("another key opens nothing", () => {
  const sealed = aesSealer(key).seal(plain);
  expect(() => aesSealer(new Uint8Array(32).fill(2)).open(sealed)).toThrow();
});

test("any bit changed, and any byte missing, is noticed", () => {
  const sealer = aesSealer(key);
  const sealed = sealer.seal(plain);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const bytes = Uint8Array.from(sealed);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => sealer.open(bytes)).toThrow();
  }
  for (let length = 0; length < sealed.length; length++)
    expect(() => sealer.open(sealed.subarray(0, length))).toThrow();
});

test("a key of another length is refused", () => {
  expect(() => aesSealer(new Uint8Array(16))).toThrow(/32 bytes/);
});

test("a new data key seals from then on, and what the old one sealed is still opened, by later lives too", () => {
  const [older, newer] = [key, new Uint8Array(32).fill(2)];
  const sealer = aesSealer(older);
  const before = sealer.seal(plain);
  sealer.sealWith(newer);
  const after = sealer.seal(plain);
  const lives = [sealer, aesSealer(newer, older)];
  for (const life of lives)
    for (const sealed of [before, after]) expect(Buffer.from(life.open(sealed))).toEqual(Buffer.from(plain));
  expect(() => aesSealer(older).open(after)).toThrow();
  expect(() => aesSealer(newer).open(before)).toThrow();
});

test("says which data keys are still needed", () => {
  const [newest, older, oldest] = [3, 2, 1].map((fill) => new Uint8Array(32).fill(fill));
  if (!newest || !older || !oldest) throw new Error("three keys");
  const sealed = aesSealer(older).seal(plain);
  const sealer = aesSealer(newest, older, oldest);
  expect(sealer.used).toEqual([newest]);
  sealer.open(sealed);
  expect(sealer.used).toEqual([newest, older]);
});
