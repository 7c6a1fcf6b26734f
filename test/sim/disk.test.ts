import { describe, expect, test } from "vitest";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { diskContract } from "../support/disk_contract.js";

const random = new SeededRandom(1);
const filled = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

diskContract(() => new SimDisk());

/** A durable file of `length` ones. */
async function aDiskWithFile(length: number): Promise<{ disk: SimDisk; file: Awaited<ReturnType<SimDisk["open"]>> }> {
  const disk = new SimDisk();
  const file = await disk.open("a", { create: true });
  await file.write(filled(length, 1), 0);
  await file.sync();
  await disk.syncFolder("");
  return { disk, file };
}

describe("a crash", () => {
  test("forgets what was not synced, and keeps what was", async () => {
    const { disk, file } = await aDiskWithFile(10);
    await file.write(filled(5, 2), 5);
    await file.truncate(20);
    disk.crash("nothing", random);
    expect(disk.content("a")).toEqual(filled(10, 1));
  });

  test("may keep all of it too", async () => {
    const { disk, file } = await aDiskWithFile(10);
    await file.write(filled(10, 2), 5);
    disk.crash("everything", random);
    expect(disk.content("a")).toEqual(new Uint8Array([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]));
  });

  test("forgets names whose folder was not synced: made, renamed, removed", async () => {
    const { disk } = await aDiskWithFile(1);
    const made = await disk.open("b", { create: true });
    await made.write(filled(3, 3), 0);
    await made.sync();
    await disk.rename("a", "c");
    disk.crash("nothing", random);
    expect(disk.files()).toEqual(["a"]);
    await disk.remove("a");
    disk.crash("nothing", random);
    expect(disk.files()).toEqual(["a"]);
    await disk.remove("a");
    await disk.syncFolder("");
    disk.crash("nothing", random);
    expect(disk.files()).toEqual([]);
  });

  test("tears a write into a prefix or any of its sectors, each byte old or new", async () => {
    const seen = { prefix: 0, hole: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const { disk, file } = await aDiskWithFile(4096);
      await file.write(filled(2000, 2), 100);
      disk.crash("torn", new SeededRandom(seed));
      const content = disk.content("a");
      const isNew = Array.from(content, (byte) => byte === 2);
      expect(content.every((byte, at) => byte === 1 || (byte === 2 && at >= 100 && at < 2100))).toBe(true);
      const firstOld = isNew.indexOf(false, 100);
      const isPrefix = isNew.indexOf(true, firstOld) < 0;
      seen[isPrefix ? "prefix" : "hole"] += 1;
      if (isPrefix) continue;
      for (let at = 100; at < 2100; at++) {
        if (isNew[at] !== isNew[at - 1] && at > 100) expect(at % 512).toBe(0);
      }
    }
    expect(seen.prefix).toBeGreaterThan(50);
    expect(seen.hole).toBeGreaterThan(50);
  });

  test("a failed sync leaves what was written to be read, and no later one makes it durable", async () => {
    const { disk, file } = await aDiskWithFile(10);
    disk.failNext = "sync";
    await file.write(filled(5, 2), 0);
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    await file.write(filled(1, 3), 9);
    await file.sync();
    expect(disk.content("a")).toEqual(new Uint8Array([2, 2, 2, 2, 2, 1, 1, 1, 1, 3]));
    disk.crash("everything", random);
    expect(disk.content("a")).toEqual(new Uint8Array([1, 1, 1, 1, 1, 1, 1, 1, 1, 3]));
  });

  test("kills who was there: files opened before it do nothing more", async () => {
    const { disk, file } = await aDiskWithFile(1);
    disk.crash("nothing", random);
    await expect(file.write(filled(1, 9), 0)).rejects.toMatchObject({ code: "CRASHED" });
    await expect(file.sync()).rejects.toMatchObject({ code: "CRASHED" });
    expect(disk.content("a")).toEqual(filled(1, 1));
  });

  test("comes at the operation it was set for, which has its effect and is not synced", async () => {
    const { disk, file } = await aDiskWithFile(4);
    disk.crashAfter(2);
    await file.write(filled(1, 2), 0);
    await expect(file.write(filled(1, 2), 1)).rejects.toMatchObject({ code: "CRASHED" });
    expect(disk.isDead).toBe(true);
    await expect(file.sync()).rejects.toMatchObject({ code: "CRASHED" });
    disk.crash("everything", random);
    expect(disk.isDead).toBe(false);
    expect(disk.content("a")).toEqual(new Uint8Array([2, 2, 1, 1]));
  });
});

test("a sync covers what was written before it began, not what came while it ran", async () => {
  const clock = new VirtualClock();
  const disk = new SimDisk({ clock });
  const file = await disk.open("a", { create: true });
  await disk.syncFolder("");
  await file.write(filled(2, 1), 0);
  disk.delayMs.sync = 10;
  const synced = file.sync();
  await file.write(filled(2, 2), 1);
  await clock.advance(9);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  await synced;
  disk.crash("nothing", random);
  expect(disk.content("a")).toEqual(new Uint8Array([1, 1]));
});

test("a sync the crash interrupts makes nothing durable", async () => {
  const clock = new VirtualClock();
  const disk = new SimDisk({ clock });
  const file = await disk.open("a", { create: true });
  await disk.syncFolder("");
  await file.write(filled(2, 1), 0);
  disk.delayMs.sync = 10;
  const synced = file.sync();
  disk.crash("nothing", random);
  await Promise.all([clock.advance(10), expect(synced).rejects.toMatchObject({ code: "CRASHED" })]);
  expect(disk.content("a").length).toBe(0);
});

test("a full disk refuses what needs more room, and takes what overwrites", async () => {
  const disk = new SimDisk({ capacityBytes: 10 });
  const file = await disk.open("a", { create: true });
  await file.write(filled(8, 1), 0);
  await expect(file.write(filled(3, 2), 8)).rejects.toMatchObject({ code: "ENOSPC" });
  await file.write(filled(8, 2), 0);
  expect(disk.content("a")).toEqual(filled(8, 2));
  disk.capacityBytes = 11;
  await file.write(filled(3, 2), 8);
});

test("a flipped bit stays flipped", async () => {
  const { disk } = await aDiskWithFile(2);
  disk.flipBit("a", 9);
  expect(disk.content("a")).toEqual(new Uint8Array([1, 3]));
  disk.crash("nothing", random);
  expect(disk.content("a")).toEqual(new Uint8Array([1, 3]));
});
