import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openDisk } from "../../../src/base/host/index.js";
import type { Disk } from "../../../src/base/index.js";
import { loadPems, type Pems, storePems } from "../../../src/daemon/identity/files.js";
import { KeyRing, NodeKeys } from "../../../src/daemon/keys/index.js";
import type { UnlockKey } from "../../../src/gen/skep/v1/objects.js";
import { aesSealer } from "../../../src/raft/host/index.js";
import { SeededRandom, SimDisk } from "../../../src/sim/index.js";
import { testSwarm } from "../../support/pki.js";

const keyPath = "certificates/swarm-node.key";
const k1 = row(1, 10);
const k2 = row(2, 20);
const off = row(0, 30);
let pems: Pems;

beforeAll(async () => {
  const { root, certificate, key } = (await testSwarm()).manager;
  pems = { root, certificate, key };
});

/** What the cluster row says: a key of this byte, or none for 0. */
function row(fill: number, version: number): UnlockKey {
  return { key: Buffer.alloc(fill === 0 ? 0 : 32, fill), version };
}

function modulesOn(disk: Disk, seed = 1): { disk: Disk; random: SeededRandom } {
  return { disk, random: new SeededRandom(seed) };
}

/** What a start finds: the keys, with whichever of these unlock keys opens them, and the identity. */
async function start(disk: Disk, unlockKeys: readonly UnlockKey[] = []): Promise<{ keys: NodeKeys; needed: number }> {
  const loaded = await NodeKeys.load(modulesOn(disk, 99));
  if (loaded === undefined) throw new Error("no keys");
  if (!loaded.isLocked) {
    expect(await loadPems(disk, loaded)).toEqual(pems);
    return { keys: loaded, needed: 0 };
  }
  for (const { key } of unlockKeys) {
    try {
      const keys = loaded.unlock(key);
      expect(await loadPems(disk, keys)).toEqual(pems);
      return { keys, needed: key[0] ?? 0 };
    } catch (error) {
      if (!String(error).includes("invalid key provided")) throw error;
    }
  }
  throw new Error("locked");
}

/** A manager with keys and an identity, and then these rows one after the other, as the keeper does it. */
async function settled(disk: Disk, rows: readonly UnlockKey[]): Promise<NodeKeys> {
  const keys = await NodeKeys.create(undefined, modulesOn(disk));
  await storePems(disk, pems, keys);
  for (const each of rows) await follow(disk, keys, each);
  return keys;
}

async function follow(disk: Disk, keys: NodeKeys, to: UnlockKey): Promise<void> {
  await keys.follow(to);
  await storePems(disk, pems, keys);
}

async function text(disk: Disk, path: string): Promise<string> {
  return Buffer.from((await disk.readFile(path)) ?? []).toString();
}

describe("a manager's keys", () => {
  test("lie in the open until the swarm locks them, and then nothing of them does", async () => {
    const disk = new SimDisk();
    const keys = await settled(disk, []);
    const [dataKey] = keys.dataKeys.map((key) => Buffer.from(key).toString("base64"));
    expect(await text(disk, "raft.key")).toContain(dataKey);
    expect(await text(disk, keyPath)).toBe(pems.key);
    await follow(disk, keys, k1);
    for (const key of keys.dataKeys) {
      expect(await text(disk, "raft.key")).not.toContain(Buffer.from(key).toString("base64"));
    }
    expect(await text(disk, keyPath)).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  });

  test("are opened with the unlock key, and with no other", async () => {
    const disk = new SimDisk();
    const { dataKeys } = await settled(disk, [k1]);
    await expect(start(disk, [])).rejects.toThrow("locked");
    const loaded = await NodeKeys.load(modulesOn(disk));
    if (!loaded?.isLocked) throw new Error("they are locked");
    expect(() => loaded.unlock(k2.key)).toThrow(/^swarm could not be unlocked: invalid key provided$/);
    expect(loaded.unlock(k1.key).dataKeys).toEqual(dataKeys);
  });

  test("follow a new unlock key, and lie in the open again when locking ends", async () => {
    const disk = new SimDisk();
    const keys = await settled(disk, [k1, k2]);
    expect((await start(disk, [k1, k2])).needed).toBe(2);
    await follow(disk, keys, off);
    expect((await start(disk)).needed).toBe(0);
    expect(await text(disk, keyPath)).toContain("-----BEGIN PRIVATE KEY-----");
  });

  test("seal with a data key that never lay in the open once they are locked (K3), and still open the old (K1)", async () => {
    const disk = new SimDisk();
    const keys = await settled(disk, []);
    const sealer = keys.newSealer();
    const [open] = keys.dataKeys;
    const before = sealer.seal(Buffer.from("before"));
    await follow(disk, keys, k1);
    expect(keys.dataKeys).toHaveLength(2);
    expect(keys.dataKeys[1]).toBe(open);
    const after = sealer.seal(Buffer.from("after"));
    await follow(disk, keys, k2);
    const restarted = await start(disk, [k2]);
    const later = restarted.keys.newSealer();
    expect([before, after].map((sealed) => Buffer.from(later.open(sealed)).toString())).toEqual(["before", "after"]);
    expect(() => aesSealer(open ?? after).open(after)).toThrow();
  });

  test("forget a data key that nothing on disk needs", async () => {
    const disk = new SimDisk();
    await settled(disk, [k1]);
    const { keys } = await start(disk, [k1]);
    const needed = keys.dataKeys[0];
    keys.newSealer();
    await keys.forgetUnused();
    expect((await start(disk, [k1])).keys.dataKeys).toEqual([needed]);
  });

  test("turn on and off as often as one likes without losing the data key in use", async () => {
    const disk = new SimDisk();
    const keys = await settled(disk, []);
    const first = keys.dataKeys[0];
    for (let version = 100; version < 140; version += 2) {
      await follow(disk, keys, row(3, version));
      await follow(disk, keys, row(0, version + 1));
    }
    expect(keys.dataKeys).toHaveLength(8);
    expect(keys.dataKeys).toContainEqual(first);
  });

  test("never follow an older row than they did (K2), after a restart neither", async () => {
    const disk = new SimDisk();
    await settled(disk, [k1, k2]);
    const { keys } = await start(disk, [k2]);
    expect([k1, k2, off, undefined].map((each) => keys.isBehind(each))).toEqual([false, false, true, false]);
  });

  test("of before there were locks are read, and written anew", async () => {
    const disk = new SimDisk();
    const dataKey = new Uint8Array(32).fill(7);
    await disk.replaceFile("raft.key", dataKey);
    await storePems(disk, pems);
    const { keys } = await start(disk);
    expect(keys.dataKeys).toEqual([dataKey]);
    await follow(disk, keys, k1);
    expect((await start(disk, [k1])).keys.dataKeys).toContainEqual(dataKey);
  });

  test("are gone when the node is a manager no more, and its identity is in the open", async () => {
    const disk = new SimDisk();
    await settled(disk, [k1]);
    const ring = await KeyRing.open(k1.key, modulesOn(disk));
    await ring.giveUp(() => storePems(disk, pems, ring));
    expect(ring.keys).toBeUndefined();
    expect(await loadPems(disk)).toEqual(pems);
  });

  test("are readable by their owner only", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skep-keys-"));
    await settled(openDisk(folder), [k1]);
    for (const file of ["raft.key", keyPath]) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, "raft.key")).length).toBeLessThan(1000);
    rmSync(folder, { recursive: true });
  });

  const damaged = [
    ["empty", ""],
    ["cut", '{"format":1,"sea'],
    ["something else", "[1]"],
    ["without keys", '{"format":1,"keys":{"data":[],"passphrase":"secret","lockVersion":1}}'],
  ] as const;
  test.each(damaged)("are refused when the file is %s, and nothing of it is repeated", async (_title, content) => {
    const disk = new SimDisk();
    await disk.replaceFile("raft.key", Buffer.from(content));
    await expect(NodeKeys.load(modulesOn(disk))).rejects.toThrow(
      /^raft.key is damaged: put it back from a backup, or leave the swarm and join again$/,
    );
  });

  test("of a newer Skep are refused, naming the format", async () => {
    const disk = new SimDisk();
    await disk.replaceFile("raft.key", Buffer.from('{"format":2}'));
    await expect(NodeKeys.load(modulesOn(disk))).rejects.toThrow(/has format 2, this Skep reads up to 1: run a newer/);
  });
});

describe("a crash at any point", () => {
  const changes: readonly [title: string, before: UnlockKey[], change: UnlockKey, needed: number[]][] = [
    ["of locking", [], k1, [0, 1]],
    ["of rotating", [k1], k2, [1, 2]],
    ["of unlocking", [k1], off, [0, 1]],
  ];
  const survivals = ["nothing", "everything", "torn"] as const;
  const cases = changes.flatMap((change) => survivals.map((survival) => [...change, survival] as const));

  test.each(cases)("%s leaves one key that opens all (K1)", async (...given) => {
    const [, before, change, expected, survival] = given;
    const needed = new Set<number>();
    for (let at = 1; ; at += 1) {
      const disk = new SimDisk();
      const keys = await settled(disk, before);
      const [dataKey] = keys.dataKeys;
      disk.crashAfter(at);
      const mounted = disk.mount();
      const crashing = await start(mounted, [k1, k2]).catch(() => undefined);
      const isDone =
        crashing &&
        (await follow(mounted, crashing.keys, change).then(
          () => true,
          () => false,
        ));
      disk.crash(survival, new SeededRandom(at));
      const found = await start(disk, [k1, k2]);
      expect(found.keys.dataKeys).toContainEqual(dataKey);
      // What was begun is finished by following the row once more.
      if (found.keys.isBehind(change)) await follow(disk, found.keys, change);
      const after = await start(disk, [k1, k2]);
      expect(after.needed).toBe(change.key[0] ?? 0);
      expect(await text(disk, keyPath)).toContain(change.key.length > 0 ? "BEGIN ENCRYPTED" : "BEGIN PRIVATE");
      needed.add(found.needed);
      if (isDone) break;
    }
    expect([...needed].sort((a, b) => a - b)).toEqual(expected);
  });
});
