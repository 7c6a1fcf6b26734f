import { describe, expect, it } from "vitest";
import {
  parseBytes,
  parseDuration,
  parseNanoCpus,
  showBytes,
  showDuration,
} from "../../../src/cli/flags/quantities.js";

describe("durations", () => {
  it.each([
    ["1s", 1e9],
    ["1h30m", 5400e9],
    ["1.5s", 1.5e9],
    ["100ms", 1e8],
    ["1us", 1e3],
    ["1µs", 1e3],
    ["3ns", 3],
    ["0", 0],
    ["-2s", -2e9],
    [".5m", 30e9],
  ])("%s is %d ns", (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  it.each(["", "s", "1", "1x", "-", "1s1", "1.2.3s", "1 s", "1d", "9999999999h"])("%j is none", (text) => {
    expect(() => parseDuration(text)).toThrow(/^time: /);
  });

  it.each([
    [0, "0s"],
    [1, "1ns"],
    [1500, "1.5µs"],
    [2e6, "2ms"],
    [1.5e9, "1.5s"],
    [60e9, "1m0s"],
    [3661e9, "1h1m1s"],
    [7776e12, "2160h0m0s"],
    [-1e9, "-1s"],
  ])("%d ns shows as %s", (nanoseconds, text) => {
    expect(showDuration(nanoseconds)).toBe(text);
  });
});

it.each([
  ["64m", 67108864],
  ["1k", 1024],
  ["1.5GiB", 1610612736],
  ["10 MB", 10485760],
  ["512", 512],
  ["2t", 2199023255552],
])("%s is %d bytes", (text, size) => {
  expect(parseBytes(text)).toBe(size);
});

it.each([
  [0, "0B"],
  [1023, "1023B"],
  [1024, "1KiB"],
  [67108864, "64MiB"],
  [25276502016, "23.54GiB"],
])("%d bytes show as %s", (size, text) => {
  expect(showBytes(size)).toBe(text);
});

it.each([
  ["0.5", 5e8],
  ["1/2", 5e8],
  ["1e-3", 1e6],
  ["2", 2e9],
  ["-1", -1e9],
  ["0.000000001", 1],
])("%s of a CPU is %d billionths", (text, nanos) => {
  expect(parseNanoCpus(text)).toBe(nanos);
});

it.each(["", ".", "1/0", "1e9999", "0x1", "NaN"])("%j is no part of a CPU", (text) => {
  expect(() => parseNanoCpus(text)).toThrow("failed to parse");
});
