import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../../../src/base/index.js";
import type { SnapshotMeta } from "../../../src/gen/skep/raft/v1/raft.js";
import { aesSealer } from "../../../src/raft/host/index.js";
import { LogDamagedError, NewerFormatError, openSealer, type Sealer, WrongKeyError } from "../../../src/raft/index.js";
import { encodeHeader } from "../../../src/raft/log/header.js";
import { Snapshots } from "../../../src/raft/snapshot/snapshots.js";
import { SeededRandom, SimDisk } from "../../../src/sim/index.js";

const never = new AbortController().signal;
const meta = (index: number): SnapshotMeta => ({
  position: { index, term: 2 },
  membership: { voters: [7], learners: [] },
});
const chunks = (count: number, fill: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => new Uint8Array(50 + at).fill(fill));

async function aDisk(): Promise<SimDisk> {
  const disk = new SimDisk();
  await disk.makeFolder("raft");
  return disk;
}

const on = (disk: SimDisk, sealer: Sealer = openSealer): Snapshots =>
  new Snapshots("raft", { disk: disk.mount(), sealer });

/** [index, number of chunks], after checking that all chunks are of one snapshot. */
async function read(disk: SimDisk, sealer?: Sealer): Promise<[number, number] | undefined> {
  const opened = await on(disk, sealer).open();
  if (!opened) return undefined;
  const index = opened.meta.position?.index ?? 0;
  const read: string[] = [];
  for await (const chunk of opened.chunks) read.push(Buffer.from(chunk).toString("hex"));
  expect(read).toEqual(chunks(read.length, index).map((chunk) => Buffer.from(chunk).toString("hex")));
  return [index, read.length];
}

test("there is none at first; then the newest", async () => {
  const disk = await aDisk();
  expect(await read(disk)).toBeUndefined();
  await on(disk).write(meta(5), chunks(3, 5), never);
  expect(await read(disk)).toEqual([5, 3]);
  await on(disk).write(meta(9), chunks(0, 9), never);
  expect(await read(disk)).toEqual([9, 0]);
});

test("its file is closed whether it was read to the end, a little or not at all", async () => {
  const disk = await aDisk();
  await on(disk).write(meta(5), chunks(3, 5), never);
  let open = 0;
  const mounted = disk.mount();
  const counting: Disk = Object.assign(Object.create(mounted) as Disk, {
    open: async (name: string) => {
      const file = await mounted.open(name);
      open += 1;
      const close = async (): Promise<void> => {
        open -= 1;
        await file.close();
      };
      return Object.assign(Object.create(file) as DiskFile, {
        ...{ read: (length: number, offset: number) => file.read(length, offset), close },
      });
    },
    list: (folder: string) => mounted.list(folder),
  });
  for (const count of [0, 1, 9]) {
    const opened = await new Snapshots("raft", { disk: counting, sealer: openSealer }).open();
    const reader = opened?.chunks[Symbol.asyncIterator]();
    for (let at = 0; at < count; at++) await reader?.next();
    await opened?.close();
    expect(open).toBe(0);
  }
});

async function* arriving(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}

test("one that took its place only in the system's cache stays there, once a start has built on it", async () => {
  const disk = await aDisk();
  await on(disk).write(meta(5), chunks(3, 5), never);
  await on(disk).receive(meta(9), arriving(chunks(2, 9)), never);
  disk.failNext = "syncFolder";
  await expect(on(disk).install()).rejects.toThrow("EIO");
  disk.kill();
  await on(disk).clean();
  expect(await read(disk)).toEqual([9, 2]);
  disk.crash("nothing", new SeededRandom(1));
  expect(await read(disk)).toEqual([9, 2]);
});

test("many chunks, larger together than one write, come back in order", async () => {
  const disk = await aDisk();
  await on(disk).write(meta(5), chunks(1500, 5), never);
  expect(disk.counts.write).toBeGreaterThan(2);
  expect(await read(disk)).toEqual([5, 1500]);
});

test("chunks are asked for one by one while writing goes on, never ahead of it", async () => {
  const disk = await aDisk();
  let asked = 0;
  let askedAtFirstWrite = 0;
  function* large(): Generator<Uint8Array> {
    for (; asked < 20; asked++) {
      if (disk.counts.write === 0) askedAtFirstWrite = asked + 1;
      yield new Uint8Array(100 * 1024);
    }
  }
  await on(disk).write(meta(5), large(), never);
  expect(askedAtFirstWrite).toBeLessThan(5);
});

test("a crash at any operation leaves the old or the new one, whole", async () => {
  const random = new SeededRandom(4);
  const seen = { old: 0, new: 0 };
  for (let operation = 1; operation <= 8; operation++) {
    for (const survival of ["nothing", "everything", "torn", "torn", "torn"] as const) {
      const disk = await aDisk();
      await on(disk).write(meta(5), chunks(30, 5), never);
      disk.crashAfter(operation);
      await on(disk)
        .write(meta(9), chunks(40, 9), never)
        .catch(() => {});
      disk.crash(survival, random);
      const found = await read(disk);
      expect([
        [5, 30],
        [9, 40],
      ]).toContainEqual(found);
      seen[found?.[0] === 5 ? "old" : "new"] += 1;
      await on(disk).clean();
      expect(disk.files()).toEqual(["raft/snapshot"]);
    }
  }
  expect(Math.min(seen.old, seen.new)).toBeGreaterThan(0);
});

test("writing that is called off leaves the old one", async () => {
  const disk = await aDisk();
  await on(disk).write(meta(5), chunks(3, 5), never);
  const abort = new AbortController();
  function* some(): Generator<Uint8Array> {
    yield new Uint8Array(1);
    abort.abort(new Error("the member stops"));
    yield new Uint8Array(1);
  }
  await expect(on(disk).write(meta(9), some(), abort.signal)).rejects.toThrow("the member stops");
  expect(await read(disk)).toEqual([5, 3]);
});

describe("refused", () => {
  test("one bit flipped anywhere, with file and offset", async () => {
    const disk = await aDisk();
    await on(disk).write(meta(5), chunks(4, 5), never);
    const bits = disk.content("raft/snapshot").length * 8;
    let unharmed = 0;
    for (let bit = 0; bit < bits; bit++) {
      disk.flipBit("raft/snapshot", bit);
      const found = await read(disk).catch((error: unknown) => error);
      if (found instanceof LogDamagedError) expect(found.message).toMatch(/^raft\/snapshot is damaged at byte \d+/);
      // Padding holds nothing.
      else expect([bit, found]).toEqual([bit, [5, 4]]);
      unharmed += found instanceof LogDamagedError ? 0 : 1;
      disk.flipBit("raft/snapshot", bit);
    }
    expect(unharmed).toBeLessThan(6 * 7 * 8);
  });

  test("cut short anywhere", async () => {
    const disk = await aDisk();
    await on(disk).write(meta(5), chunks(4, 5), never);
    const whole = disk.content("raft/snapshot");
    for (let length = 0; length < whole.length - 8; length += 5) {
      await disk.replaceFile("raft/snapshot", whole.slice(0, length));
      await expect(read(disk)).rejects.toThrow(LogDamagedError);
    }
  });

  test("a newer format", async () => {
    const disk = await aDisk();
    await disk.replaceFile("raft/snapshot", encodeHeader("snapshot", 0, 2, "9.0.0"));
    await expect(read(disk)).rejects.toThrow(NewerFormatError);
  });

  test("another data key", async () => {
    const disk = await aDisk();
    const sealer = aesSealer(new Uint8Array(32).fill(1));
    await on(disk, sealer).write(meta(5), chunks(3, 5), never);
    expect(await read(disk, sealer)).toEqual([5, 3]);
    await expect(read(disk, aesSealer(new Uint8Array(32)))).rejects.toThrow(WrongKeyError);
  });
});
