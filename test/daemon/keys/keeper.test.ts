import { beforeEach, expect, test } from "vitest";
import type { Log } from "../../../src/base/index.js";
import { KeyKeeper, NodeKeys } from "../../../src/daemon/keys/index.js";
import { SeededRandom, SimDisk } from "../../../src/sim/index.js";
import { aCluster, type MemoryStore, memoryStore } from "../../support/memory.js";

let memory: MemoryStore;
let disk: SimDisk;
let keys: NodeKeys;
let done: string[];
let logged: string[];
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  memory = memoryStore();
  disk = new SimDisk();
  keys = await NodeKeys.create(undefined, { disk, random: new SeededRandom(1) });
  [done, logged, stop] = [[], [], new AbortController()];
});

/** The keeper of one start, beside an identity whose first writes fail this often. */
function keep(failures = 0): void {
  const storeAgain = async (): Promise<void> => {
    if (failures-- > 0) throw new Error("no space left on device");
    done.push(`stored ${keys.areLockedAtRest ? "locked" : "open"}`);
  };
  const take = (message: string, fields: unknown): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...memory.log, info: take, error: take };
  const identity = { storeAgain, renewSoon: () => void done.push("renew") };
  running = new KeyKeeper({}, { ...memory, keys, identity, log }).run(stop.signal);
}

async function write(fill: number): Promise<void> {
  await memory.writer.update((tx) => {
    const unlockKey = { key: Buffer.alloc(fill === 0 ? 0 : 32, fill), version: tx.revision + 1 };
    tx.put("cluster", { ...aCluster(), unlockKey });
  });
  await turns();
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function ended(): Promise<void> {
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
}

test("keys follow every change of the row; those that lay in the open are renewed", async () => {
  keep();
  await write(1);
  await write(2);
  await write(0);
  expect(done).toEqual(["renew", "stored locked", "stored locked", "stored open"]);
  await ended();
});

test("what the row said while the node was away is followed at the start", async () => {
  await write(1);
  keep();
  await turns();
  expect(keys.areLockedAtRest).toBe(true);
  await ended();
});

test("a row without a lock changes nothing, and neither does one that is followed already", async () => {
  await memory.writer.update((tx) => tx.put("cluster", aCluster()));
  keep();
  await turns();
  await memory.writer.update((tx) => tx.put("cluster", aCluster({ historyLimit: 3 })));
  await turns();
  expect([done, logged]).toEqual([[], []]);
  await ended();
});

test("a disk that is full is tried again until it is not, and says so without a key", async () => {
  keep(2);
  disk.capacityBytes = 0;
  await write(1);
  expect(keys.areLockedAtRest).toBe(false);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  for (let second = 0; second < 10; second += 1) {
    await memory.clock.advance(1_000);
    await turns();
  }
  expect(done).toEqual(["renew", "stored locked"]);
  expect(logged.filter((line) => line.startsWith("cannot store the node's keys"))).toHaveLength(3);
  expect(logged.join("\n")).not.toContain(Buffer.alloc(32, 1).toString("base64").slice(0, 20));
  await ended();
});
