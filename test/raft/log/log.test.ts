import { describe, expect, test } from "vitest";
import { silentLog } from "../../../src/base/index.js";
import type { Entry } from "../../../src/gen/skep/raft/v1/raft.js";
import { aesSealer } from "../../../src/raft/host/index.js";
import { LogDamagedError, NewerFormatError, openSealer, type Sealer, WrongKeyError } from "../../../src/raft/index.js";
import { encodeHeader } from "../../../src/raft/log/header.js";
import { type LoadedLog, RaftLog } from "../../../src/raft/log/log.js";
import { SeededRandom, SimDisk } from "../../../src/sim/index.js";

const none = { index: 0, term: 0 };
const random = new SeededRandom(3);
const entry = (index: number, length = 40): Entry => ({ index, term: 1, kind: 0, data: Buffer.alloc(length, index) });

function aLog(disk: SimDisk, sealer: Sealer = openSealer): RaftLog {
  return new RaftLog({ folder: "log", segmentBytes: 1024 }, { disk: disk.mount(), sealer, log: silentLog });
}

/** `count` batches of one entry each, over several segments. */
async function aWrittenDisk(count: number, sealer?: Sealer): Promise<{ disk: SimDisk; log: RaftLog }> {
  const disk = new SimDisk();
  const log = aLog(disk, sealer);
  await log.open(none);
  for (let index = 1; index <= count; index++) {
    await log.append({ hardState: { term: 1, vote: 1, commit: index - 1 }, entries: [entry(index)] });
  }
  return { disk, log };
}

const reopened = (disk: SimDisk, sealer?: Sealer): Promise<LoadedLog> => aLog(disk, sealer).open(none);
const indexes = (loaded: LoadedLog): number[] => loaded.entries.map((e) => e.index);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

function damage(disk: SimDisk, path: string, change: (content: Uint8Array) => Uint8Array): Promise<void> {
  return disk.replaceFile(path, change(disk.content(path)));
}

test("a log that was never written is new; one that was is not", async () => {
  const { disk } = await aWrittenDisk(0);
  expect(await reopened(disk)).toMatchObject({ isNew: true, entries: [] });
  const { disk: written } = await aWrittenDisk(1);
  expect(await reopened(written)).toMatchObject({ isNew: false, hardState: { term: 1, vote: 1, commit: 0 } });
});

test("segments are files of the size they were prepared with, and follow one another", async () => {
  const { disk } = await aWrittenDisk(30);
  const files = disk.files();
  expect(files.length).toBeGreaterThan(2);
  expect(files.map((file) => disk.content(file).length)).toEqual(files.map(() => 1024));
  expect(indexes(await reopened(disk))).toEqual(upTo(30));
});

test("a batch larger than a segment gets one that grows", async () => {
  const { disk, log } = await aWrittenDisk(3);
  await log.append({ entries: [entry(4, 5000), entry(5)] });
  await log.append({ entries: [entry(6)] });
  expect(indexes(await reopened(disk))).toEqual(upTo(6));
  expect((await reopened(disk)).entries[3]?.data.length).toBe(5000);
});

test("one bit flipped anywhere: refused with file and offset, or the last batch is cut; never a wrong entry", async () => {
  const seen = { refused: 0, cut: 0, unharmed: 0 };
  for (let round = 0; round < 600; round++) {
    const { disk } = await aWrittenDisk(30);
    const file = random.pick(disk.files()) ?? "";
    disk.flipBit(file, random.int(disk.content(file).length * 8));
    const loaded = await reopened(disk).catch((error: unknown) => error);
    if (loaded instanceof LogDamagedError) {
      expect(loaded.message).toMatch(/^log\/segment-\d{10} is damaged at byte \d+: /);
      seen.refused += 1;
      continue;
    }
    const { entries } = loaded as LoadedLog;
    expect(entries.every((e) => e.data.equals(entry(e.index).data))).toBe(true);
    if (entries.length === 29) seen.cut += 1;
    else expect(entries.length).toBe(30);
    seen.unharmed += entries.length === 30 ? 1 : 0;
  }
  expect(Math.min(seen.refused, seen.cut, seen.unharmed)).toBeGreaterThan(0);
});

test("after a clean close even the last batch cannot be taken for a tear", async () => {
  const { disk, log } = await aWrittenDisk(3);
  const path = disk.files()[0] ?? "";
  const lastBatchAt = Buffer.from(disk.content(path)).indexOf(Buffer.alloc(40, 3));
  const torn = new SimDisk();
  await torn.makeFolder("log");
  await torn.replaceFile(path, disk.content(path));
  torn.flipBit(path, lastBatchAt * 8);
  expect(indexes(await reopened(torn))).toEqual([1, 2]);
  await log.close();
  disk.flipBit(path, lastBatchAt * 8);
  await expect(reopened(disk)).rejects.toThrow(LogDamagedError);
});

test("what is left of a torn batch is gone from the disk before anything is written there", async () => {
  const { disk, log } = await aWrittenDisk(2);
  const file = await disk.open(disk.files()[0] ?? "");
  const end = disk.content(disk.files()[0] ?? "").findLastIndex((byte) => byte !== 0) + 1;
  await file.write(new Uint8Array(300).fill(0xee), Math.ceil(end / 8) * 8);
  await log.close().catch(() => {});
  disk.kill();
  const { disk: fresh } = await aWrittenDisk(2);
  const path = fresh.files()[0] ?? "";
  const torn = await fresh.open(path);
  await torn.write(new Uint8Array(300).fill(0xee), Math.ceil(end / 8) * 8);
  fresh.kill();
  expect(indexes(await reopened(fresh))).toEqual([1, 2]);
  fresh.crash("nothing", random);
  expect(fresh.content(path).includes(0xee)).toBe(false);
});

describe("refused, saying what is wrong and where", () => {
  test.each([
    ["a missing segment", (disk: SimDisk) => disk.remove("log/segment-0000000002"), /segment-0000000002.*missing/],
    [
      "a segment under another's name",
      async (disk: SimDisk) => disk.replaceFile("log/segment-0000000002", disk.content("log/segment-0000000001")),
      /segment-0000000002.*this is segment 1, not 2/,
    ],
    [
      "a file that is none",
      (disk: SimDisk) => damage(disk, "log/segment-0000000001", (content) => content.fill(1, 0, 64)),
      /segment-0000000001 is damaged at byte 0: the header's checksum/,
    ],
    [
      "an emptied file",
      (disk: SimDisk) => disk.replaceFile("log/segment-0000000001", new Uint8Array(0)),
      /segment-0000000001.*ends within its header/,
    ],
    [
      "an emptied segment in the middle",
      (disk: SimDisk) => damage(disk, "log/segment-0000000002", (content) => content.fill(0, 64)),
      /segment-0000000003 is damaged at byte 64/,
    ],
    [
      "a snapshot's file",
      (disk: SimDisk) => disk.replaceFile("log/segment-0000000001", encodeHeader("snapshot", 1)),
      /this is no segment/,
    ],
  ])("%s", async (_, harm, why) => {
    const { disk } = await aWrittenDisk(40);
    await harm(disk);
    const error = await reopened(disk).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LogDamagedError);
    expect(String(error)).toMatch(why);
  });

  test("a newer format, naming the version that is needed", async () => {
    const { disk } = await aWrittenDisk(1);
    await damage(disk, "log/segment-0000000001", (content) => {
      content.set(encodeHeader("segment", 1, 2, "3.4.5"), 0);
      return content;
    });
    const error = await reopened(disk).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NewerFormatError);
    expect(String(error)).toMatch(/has format 2 and this version reads up to 1: version 3\.4\.5 or newer is needed/);
  });

  test("another data key", async () => {
    const { disk } = await aWrittenDisk(3, aesSealer(new Uint8Array(32).fill(1)));
    expect(indexes(await reopened(disk, aesSealer(new Uint8Array(32).fill(1))))).toEqual([1, 2, 3]);
    await expect(reopened(disk, aesSealer(new Uint8Array(32).fill(2)))).rejects.toThrow(WrongKeyError);
  });
});

describe("dropping what a snapshot covers", () => {
  test("removes whole segments from the oldest on, and the log opens with the rest", async () => {
    const { disk, log } = await aWrittenDisk(40);
    const before = disk.files().length;
    await log.dropThrough(20);
    expect(disk.files().length).toBeLessThan(before);
    const loaded = await aLog(disk).open({ index: 25, term: 1 });
    expect(loaded.base.index).toBeLessThanOrEqual(21);
    expect(loaded.entries.at(-1)?.index).toBe(40);
    expect(loaded.hardState).toEqual({ term: 1, vote: 1, commit: 39 });
    await expect(reopened(disk)).rejects.toThrow(/the snapshot ends at 0/);
  });

  test("never removes the segment in use, and the state survives in it", async () => {
    const { disk, log } = await aWrittenDisk(40);
    await log.dropThrough(1000);
    await log.append({ entries: [entry(41)] });
    const loaded = await aLog(disk).open({ index: 40, term: 1 });
    expect(loaded.entries.map((e) => e.index)).toContain(41);
    expect(loaded.hardState).toMatchObject({ term: 1, vote: 1 });
  });
});

describe("a disk that fails", () => {
  test("when full, nothing is appended any more, and what was acknowledged is there", async () => {
    const { disk, log } = await aWrittenDisk(3);
    disk.capacityBytes = 2000;
    let acknowledged = 3;
    const failure = await (async () => {
      for (; ; acknowledged++) await log.append({ entries: [entry(acknowledged + 1)] });
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ENOSPC" });
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await expect(log.append({ entries: [entry(acknowledged + 1)] })).rejects.toBe(failure);
    disk.crash("nothing", random);
    expect(indexes(await reopened(disk))).toEqual(upTo(acknowledged));
  });

  test("a failed sync is never tried again: the system may have thrown away what it could not write", async () => {
    const disk = new SimDisk();
    const inner = disk.mount();
    let isBroken = false;
    const modules = {
      disk: {
        ...inner,
        open: async (path: string, options?: { readonly create?: boolean }) => {
          const file = await inner.open(path, options);
          const sync = (): Promise<void> => (isBroken ? Promise.reject(new Error("EIO")) : file.sync());
          return { ...file, sync };
        },
      },
      sealer: openSealer,
      log: silentLog,
    };
    const log = new RaftLog({ folder: "log", segmentBytes: 1024 }, modules);
    await log.open(none);
    await log.append({ entries: [entry(1)] });
    isBroken = true;
    await expect(log.append({ entries: [entry(2)] })).rejects.toThrow("EIO");
    isBroken = false;
    await expect(log.append({ entries: [entry(2)] })).rejects.toThrow("EIO");
  });
});

describe("after a failed sync the system shows what it never wrote", () => {
  async function aDiskWithAFailedSync(): Promise<SimDisk> {
    const { disk, log } = await aWrittenDisk(2);
    disk.failNext = "sync";
    await expect(log.append({ entries: [entry(3)] })).rejects.toThrow("EIO");
    await log.close();
    return disk;
  }

  test("a start that reads it makes it durable before anybody builds on it", async () => {
    const disk = await aDiskWithAFailedSync();
    expect(indexes(await reopened(disk))).toEqual([1, 2, 3]);
    disk.crash("nothing", random);
    expect(indexes(await reopened(disk))).toEqual([1, 2, 3]);
  });

  test("what follows it is no damage once the power is gone", async () => {
    const disk = await aDiskWithAFailedSync();
    const log = aLog(disk);
    await log.open(none);
    await log.append({ entries: [entry(4)] });
    disk.crash("nothing", random);
    expect(indexes(await reopened(disk))).toEqual(upTo(4));
  });

  test("a start whose sync fails as well leaves it to the next one", async () => {
    const disk = await aDiskWithAFailedSync();
    disk.failNext = "sync";
    await expect(reopened(disk)).rejects.toThrow("EIO");
    expect(indexes(await reopened(disk))).toEqual([1, 2, 3]);
    disk.crash("nothing", random);
    expect(indexes(await reopened(disk))).toEqual([1, 2, 3]);
  });
});

test("a segment that cannot be removed is tried again, and those after it wait: no hole among them", async () => {
  const { disk } = await aWrittenDisk(40);
  const inner = disk.mount();
  let isBroken = true;
  const remove = (path: string): Promise<void> => (isBroken ? Promise.reject(new Error("EIO")) : inner.remove(path));
  const log = new RaftLog(
    { folder: "log", segmentBytes: 1024 },
    {
      disk: { ...inner, remove: (path) => (path.endsWith(".tmp") ? inner.remove(path) : remove(path)) },
      sealer: openSealer,
      log: silentLog,
    },
  );
  await log.open(none);
  const before = disk.files().length;
  await expect(log.dropThrough(20)).rejects.toThrow("EIO");
  isBroken = false;
  await log.dropThrough(30);
  expect(disk.files().length).toBeLessThan(before - 1);
  expect((await aLog(disk).open({ index: 35, term: 1 })).entries.at(-1)?.index).toBe(40);
});

test("a disk that takes nothing more does not keep a log from being closed", async () => {
  const { disk, log } = await aWrittenDisk(3);
  disk.failNext = "sync";
  await log.close();
  expect(disk.failNext).toBeUndefined();
  expect(indexes(await reopened(disk))).toEqual([1, 2, 3]);
});

test("only one append at a time", async () => {
  const { log } = await aWrittenDisk(1);
  const first = log.append({ entries: [entry(2)] });
  await expect(log.append({ entries: [entry(3)] })).rejects.toThrow(/one append at a time/);
  await first;
});
