import { describe, expect, test } from "vitest";
import { MergedStream, secondsAfter, TimeMerge } from "../../src/base/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";

const options = { windowMs: 100, expectMs: 1_000, bytesOf: () => 1 };
const lines = (...times: number[]) => times.map((time) => ({ timestamp: String(time).padStart(6, "0") }));
const timesOf = (some: readonly { readonly timestamp: string }[]) => some.map(({ timestamp }) => Number(timestamp));

describe("lines of several sources", () => {
  test("go out in the order of time as soon as every source has shown its next one", () => {
    const merge = opened("a", "b");
    merge.push("a", lines(1, 4), 0);
    expect(merge.take(0, 10)).toEqual({ lines: [], waitMs: 100 });
    merge.push("b", lines(2, 3, 5), 0);
    // After 4 source a is silent: 5 may have to wait for it.
    expect(timesOf(merge.take(0, 10).lines)).toEqual([1, 2, 3, 4]);
    merge.end("a");
    expect(timesOf(merge.take(0, 10).lines)).toEqual([5]);
  });

  test("are held for a silent source no longer than the window, and a late one goes out late", () => {
    const merge = opened("a", "b");
    merge.push("a", lines(5), 0);
    expect(merge.take(99, 10)).toEqual({ lines: [], waitMs: 1 });
    expect(timesOf(merge.take(100, 10).lines)).toEqual([5]);
    merge.push("b", lines(3), 150);
    expect(timesOf(merge.take(250, 10).lines)).toEqual([3]);
  });

  test("are held longer for a source that is expected, until it shows itself or is given up", () => {
    const merge = opened("a");
    merge.expect("b", 0);
    merge.push("a", lines(5), 0);
    expect(merge.take(500, 10)).toEqual({ lines: [], waitMs: 500 });
    merge.push("b", lines(2), 500);
    expect(timesOf(merge.take(500, 10).lines)).toEqual([2]);
    // b shows that it has older ones: 5 waits for its next.
    expect(merge.take(599, 10)).toEqual({ lines: [], waitMs: 1 });
    expect(timesOf(merge.take(600, 10).lines)).toEqual([5]);
    merge.expect("c", 1_000);
    merge.push("a", lines(6), 1_000);
    expect(merge.take(1_999, 10).lines).toEqual([]);
    merge.end("c");
    expect(timesOf(merge.take(1_999, 10).lines)).toEqual([6]);
  });

  test("are given so many at a time", () => {
    const merge = opened("a");
    merge.push("a", lines(1, 2, 3), 0);
    expect(timesOf(merge.take(0, 2).lines)).toEqual([1, 2]);
    expect(timesOf(merge.take(0, 2).lines)).toEqual([3]);
    expect(merge.take(0, 2)).toEqual({ lines: [], waitMs: undefined });
  });

  test("of a source that ended still go out", () => {
    const merge = opened("a");
    merge.push("a", lines(1), 0);
    merge.end("a");
    expect(timesOf(merge.take(0, 10).lines)).toEqual([1]);
    expect(merge.isOver).toBe(true);
  });

  test("whatever they are: all go out, each source's in its order, and sorted if all came at once", () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const merge = new TimeMerge(options);
      const all: number[] = [];
      for (let source = 0; source < 1 + random.int(6); source += 1) {
        const times = Array.from({ length: 1 + random.int(20) }, () => random.int(100));
        times.sort((a, b) => a - b);
        all.push(...times);
        merge.open(`${source}`, 0);
        merge.push(`${source}`, lines(...times), 0);
        merge.end(`${source}`);
      }
      expect(timesOf(merge.take(0, 1_000).lines)).toEqual(all.sort((a, b) => a - b));
    }
  });
});

function opened(...names: string[]) {
  const merge = new TimeMerge(options);
  for (const name of names) merge.open(name, 0);
  return merge;
}

describe("sources read into one stream", () => {
  test("are read no further than what went out", async () => {
    const clock = new VirtualClock();
    const stream = newStream(clock, 10);
    let given = 0;
    const endless = async function* () {
      for (;;) {
        given += 1;
        yield lines(given);
      }
    };
    void stream.attach("a", endless());
    const reader = stream.read(new AbortController().signal);
    await reader.next();
    await reader.next();
    await clock.advance(1_000);
    expect(given).toBeLessThanOrEqual(12);
  });

  test("wait while their share of what is held for the order is used up", async () => {
    const clock = new VirtualClock();
    const stream = newStream(clock, 80);
    let given = 0;
    const big = async function* () {
      for (;;) {
        given += 1;
        yield lines(...Array.from({ length: 10 }, (_, at) => given * 100 + at));
      }
    };
    for (const name of ["a", "b", "c"]) void stream.attach(name, big());
    stream.expect("d");
    const reader = stream.read(new AbortController().signal);
    const first = reader.next();
    await clock.advance(900);
    // A quarter each: two batches; nothing more while these are held for d.
    expect(given).toBe(6);
    await clock.advance(200);
    await first;
  });

  test("end the stream with their last line once no more are to come", async () => {
    const stream = newStream(new VirtualClock());
    void stream.attach("a", batches(lines(1), lines(3)));
    void stream.attach("b", batches(lines(2)));
    stream.finish();
    const read: number[] = [];
    for await (const some of stream.read(new AbortController().signal)) read.push(...timesOf(some));
    expect(new Set(read)).toEqual(new Set([1, 2, 3]));
  });

  test("reject with their own error, and the others go on", async () => {
    const stream = newStream(new VirtualClock());
    const failing = stream.attach(
      "a",
      (async function* () {
        yield lines(1);
        throw new Error("cut");
      })(),
    );
    const failed = expect(failing).rejects.toThrow("cut");
    void stream.attach("b", batches(lines(2)));
    stream.finish();
    const read: number[] = [];
    for await (const some of stream.read(new AbortController().signal)) read.push(...timesOf(some));
    await failed;
    expect(new Set(read)).toEqual(new Set([1, 2]));
  });
});

function newStream(clock: VirtualClock, bytesMax = 1_000) {
  return new MergedStream<{ readonly timestamp: string }>({ ...options, bytesMax }, clock);
}

async function* batches(...all: (readonly { readonly timestamp: string }[])[]) {
  yield* all;
}

test.each([
  ["2026-11-20T14:43:29.777974851Z", "1795185809.777974852"],
  ["2026-11-20T14:43:29.999999999Z", "1795185810.000000000"],
  ["2026-11-20T14:43:29Z", "1795185809.000000001"],
  ["2026-11-20T14:43:29.5Z", "1795185809.500000001"],
  ["nonsense", ""],
])("what comes after %s is asked for since %s", (timestamp, since) => expect(secondsAfter(timestamp)).toBe(since));
