import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { openDisk } from "../../src/base/host/index.js";
import { diskContract } from "../support/disk_contract.js";

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) fs.rmSync(root, { recursive: true });
});

function aRoot(): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "skep-disk-"));
  roots.push(root);
  return root;
}

diskContract(() => openDisk(aRoot()));

test("files and folders are for their owner alone", async () => {
  const root = path.join(aRoot(), "deep/down");
  const disk = openDisk(root);
  await disk.makeFolder("x");
  await disk.open("x/a", { create: true });
  const mode = (name: string): number => fs.statSync(path.join(root, name)).mode & 0o777;
  expect([mode(""), mode("x"), mode("x/a")]).toEqual([0o700, 0o700, 0o600]);
});

test("a path out of the disk is refused", async () => {
  await expect(openDisk(aRoot()).readFile("../x")).rejects.toThrow(/inside the disk/);
});

test("what is written through is in the file under its new name, by calls that sync", async () => {
  const root = aRoot();
  const disk = openDisk(root);
  const file = await disk.open("a", { create: true });
  await disk.rename("a", "b");
  await file.writeThrough?.(Buffer.from("ab"), 1);
  await file.writeThrough?.(Buffer.from("c"), 3);
  expect(Buffer.from((await disk.readFile("b")) ?? [])).toEqual(Buffer.from("\0abc"));
  const flags = openFlags(path.join(root, "b"));
  expect(flags.filter((each) => (each & fs.constants.O_DSYNC) !== 0)).toHaveLength(1);
  await file.close();
  expect(openFlags(path.join(root, "b"))).toEqual([]);
});

/** Of each of this process's descriptors of the file. */
function openFlags(file: string): number[] {
  return fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      if (fs.readlinkSync(`/proc/self/fd/${fd}`) !== file) return [];
      const [, octal = ""] = /^flags:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
      return [Number.parseInt(octal, 8)];
    } catch {
      return [];
    }
  });
}
