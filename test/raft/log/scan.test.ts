import { expect, test } from "vitest";
import { encodeFrame, frameHeaderBytes, readFrame } from "../../../src/raft/log/frame.js";
import { scanFrames } from "../../../src/raft/log/scan.js";

const from = 64;

function segment(...frames: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(4096);
  let at = from;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

const payload = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);
const one = encodeFrame(5, payload(20));
const two = encodeFrame(6, payload(100));
const three = encodeFrame(7, payload(1));

test("frames are read in order, and zeros after them are a clean end", () => {
  const scan = scanFrames(segment(one, two, three), from, 5);
  expect(scan.frames.map((frame) => [frame.sequence, frame.payload.length])).toEqual([
    [5, 20],
    [6, 100],
    [7, 1],
  ]);
  expect(scan.end).toEqual({ kind: "clean", at: from + one.length + two.length + three.length });
});

test("any bit flipped in the last frame is a tear, in any other it is damage, and never a wrong payload", () => {
  const good = segment(one, two, three);
  const lastAt = from + one.length + two.length;
  // The padding behind a payload is not covered: nothing is read from it.
  const paddingOf = (bit: number): boolean => {
    const at = bit >> 3;
    return [one, two, three].some((frame, n) => {
      const start = [from, from + one.length, lastAt][n] ?? 0;
      const contentEnd = start + frameHeaderBytes + ([20, 100, 1][n] ?? 0);
      return at >= contentEnd && at < start + frame.length;
    });
  };
  for (let bit = from * 8; bit < (lastAt + three.length) * 8; bit++) {
    const bytes = good.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { frames, end } = scanFrames(bytes, from, 5);
    for (const frame of frames) expect(frame.payload.every((byte) => byte === 7)).toBe(true);
    const kind = paddingOf(bit) ? "clean" : bit >> 3 >= lastAt ? "torn" : "damaged";
    expect([bit, end.kind]).toEqual([bit, kind]);
  }
});

test.each([
  ["the first sector is lost and the rest is there", (bytes: Uint8Array) => bytes.fill(0, from, 512)],
  ["the end is lost", (bytes: Uint8Array) => bytes.fill(0, 512, 1024)],
])("a torn last frame is a tear when %s", (_, tear) => {
  const bytes = segment(encodeFrame(5, payload(800)));
  tear(bytes);
  expect(scanFrames(bytes, from, 5)).toMatchObject({ frames: [], end: { kind: "torn", at: from } });
});

test("a frame that is whole but of another place in the log is damage", () => {
  expect(scanFrames(segment(one, three), from, 5).end).toEqual({
    kind: "damaged",
    at: from + one.length,
    goodAt: from + one.length,
  });
});

test("a lost frame in the middle is damage, told with where it should be", () => {
  const bytes = segment(one, two, three);
  bytes.fill(0, from + one.length, from + one.length + two.length);
  expect(scanFrames(bytes, from, 5).end).toEqual({
    kind: "damaged",
    at: from + one.length,
    goodAt: from + one.length + two.length,
  });
});

test("what the first frame's number must be may be unknown", () => {
  expect(scanFrames(segment(two, three), from, undefined).frames.map((frame) => frame.sequence)).toEqual([6, 7]);
});

test("nothing is read beyond the end of the bytes", () => {
  for (let length = 0; length < frameHeaderBytes + 100; length++) {
    expect(readFrame(two.subarray(0, length), 0)).toBeUndefined();
  }
});
