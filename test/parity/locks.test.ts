// docs/behaviour.md R-8xx (swarm-semantics §7.6, docker-api.md §1.3). test/e2e/locks.test.ts tells the same on real hosts.

import { describe, expect, test } from "vitest";
import { httpStatusOf, SwarmError, silentLog, silentMetrics, wallTime } from "../../src/base/index.js";
import { sha256 } from "../../src/daemon/digest.js";
import { loadPems, storePems } from "../../src/daemon/identity/files.js";
import { KeyKeeper, KeyRing, NodeKeys, sealerFor } from "../../src/daemon/keys/index.js";
import { LocalNode } from "../../src/daemon/node.js";
import { MemberStarter } from "../../src/daemon/start.js";
import type { Membership, State } from "../../src/daemon/state.js";
import { openEngine, parseEngineAddress } from "../../src/engine/index.js";
import { Cluster } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { Ca, parseUnlockKey, unlockKeyOf, unlockKeyText } from "../../src/manager/ca/index.js";
import { Control } from "../../src/manager/control/index.js";
import { makeBackup, type ReadBackup, readBackup, restoredSnapshot } from "../../src/manager/index.js";
import { initialClusterSpec } from "../../src/model/index.js";
import type { Sealer } from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { Store } from "../../src/store/index.js";
import { aCluster, aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../support/memory.js";
import { pki, testSwarm } from "../support/pki.js";

const right = new Uint8Array(32).fill(1);
const wrong = new Uint8Array(32).fill(2);

test("R-801 turning autolock on draws a key, rotating replaces it, turning it off drops it; off, a wish to rotate is ignored", async () => {
  const memory = memoryStore();
  const ca = new Ca({}, { ...memory, writer: memory.writer, pki });
  const modules = { ...memory, writer: memory.writer, ca, membership: { managers: () => new Map() } };
  const control = new Control({ signal: new AbortController().signal }, modules);
  await memory.writer.update((tx) => tx.put("cluster", Cluster.fromPartial({ id: "c", spec: initialClusterSpec() })));
  const keys: string[] = [];
  for (const [autoLockManagers, unlockKey] of [
    [false, true],
    [true, false],
    [true, false],
    [true, true],
    [false, false],
  ] as const) {
    const spec = { ...initialClusterSpec(), encryption: { autoLockManagers } };
    const version = memory.store.cluster?.meta?.version ?? 0;
    await control.cluster.update(`${keys.length}`, version, spec, { worker: false, manager: false, unlockKey });
    keys.push(control.cluster.unlockKey());
  }
  const [ignored, drawn, kept, rotated, dropped] = keys;
  expect([ignored, dropped]).toEqual(["", ""]);
  expect(kept).toBe(drawn);
  expect(rotated).not.toBe(drawn);
  for (const key of [drawn, rotated]) expect(key).toMatch(/^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
});

test("R-802 a manager locks its data key and its TLS key as soon as it has read the swarm's state", async () => {
  const memory = memoryStore();
  const { root, certificate, key } = (await testSwarm()).manager;
  const disk = new SimDisk();
  const ring = new KeyRing(undefined, { disk, random: new SeededRandom(1) });
  const write = (): Promise<void> => storePems(disk, { root, certificate, key }, ring);
  await write();
  await ring.create(undefined);
  const stop = new AbortController();
  const identity = { storeAgain: write, renewSoon: () => {} };
  const running = new KeyKeeper({}, { ...memory, keys: ring.managerKeys, identity }).run(stop.signal);
  const unlockKey = { key: Buffer.from(right), version: 9 };
  await memory.writer.update((tx) => tx.put("cluster", { ...aCluster(), unlockKey }));
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const texts = ["raft.key", "certificates/swarm-node.key"].map((path) => disk.readFile(path));
  const [keys = "", pem = ""] = (await Promise.all(texts)).map((bytes) => Buffer.from(bytes ?? []).toString());
  expect(keys).toMatch(/^\{"format":1,"sealed":/);
  expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  expect(await loadPems(disk, await KeyRing.open(right, { disk, random: new SeededRandom(2) }))).toMatchObject({ key });
  stop.abort(new Error("done"));
  await expect(running).rejects.toThrow("done");
});

describe("R-803 a locked node", () => {
  const membership: Membership = {
    ...{ format: 1, clusterId: "c", nodeId: "n", raftId: 7, managers: [] },
    ...{ listenAddr: "10.0.0.1:2377", advertiseAddr: "10.0.0.1:2377", dataPathAddr: "" },
  };

  async function lockedNode(): Promise<{ node: LocalNode; isForgotten: () => boolean }> {
    const disk = new SimDisk();
    const [clock, random] = [new VirtualClock(), new SeededRandom(1)];
    await NodeKeys.create(right, { disk, random });
    let known: Membership | undefined = membership;
    const state: State = {
      dataDir: "/nowhere",
      membership: () => Promise.resolve(known),
      setMembership: () => Promise.resolve(),
      removeManager: () => Promise.resolve(),
      clear: () => Promise.resolve(void (known = undefined)),
      close: () => Promise.resolve(),
    };
    const engine = openEngine(parseEngineAddress("embedded:"), { clock, random });
    const common = { state, clock, log: silentLog };
    const starter = new MemberStarter(
      { name: "h1", version: "0", bootId: "", onFatal: () => {} },
      { ...common, disk, engine, pki, random, metrics: silentMetrics, answer: () => Promise.reject(new Error("no")) },
    );
    const node = new LocalNode({ ...common, starter, version: "0" });
    await node.resume();
    return { node, isForgotten: () => known === undefined };
  }

  test("is wholly locked", async () => {
    const { node } = await lockedNode();
    expect(node.state()).toEqual({ local: "locked", nodeAddr: "10.0.0.1" });
    expect([node.control(), node.leader(), node.quorum(), node.localControl()]).toEqual(Array.from({ length: 4 }));
    await expect(node.backup()).rejects.toThrow(/not a swarm manager/);
  });

  const keys = [
    ["another key", unlockKeyText(wrong), 401, "swarm could not be unlocked: invalid key provided"],
    ["what is no key", "SWMKEY-1-short", 400, "invalid key string"],
  ] as const;
  test.each(keys)("stays locked with %s", async (_title, key, status, says) => {
    const { node } = await lockedNode();
    const error: unknown = await node.unlock(key).catch((failure: unknown) => failure);
    if (!(error instanceof SwarmError)) throw new Error("it was refused");
    expect([httpStatusOf[error.kind], error.dockerMessage]).toEqual([status, says]);
    expect(node.state().local).toBe("locked");
  });

  test("can leave", async () => {
    const { node, isForgotten } = await lockedNode();
    await node.leave(true);
    expect(node.state().local).toBe("inactive");
    expect(isForgotten()).toBe(true);
    await expect(node.unlock(unlockKeyText(right))).rejects.toThrow(/^swarm is not locked$/);
  });

  test("is open to the right key", () => {
    expect(parseUnlockKey(unlockKeyText(right))).toEqual(right);
  });
});

test.each(["nothing", "everything", "torn"] as const)(
  "R-804 a crash while the key is rotated leaves the old key or the new one; of what was unsynced survives %s",
  async (survival) => {
    const needed = new Set<number>();
    for (let at = 1, isDone = false; !isDone; at += 1) {
      const disk = new SimDisk();
      const random = new SeededRandom(at);
      const keys = await NodeKeys.create(right, { disk, random });
      disk.crashAfter(at);
      const rotated = (await KeyRing.open(right, { disk: disk.mount(), random }).catch(() => undefined))?.keys;
      isDone = (await rotated?.follow({ key: Buffer.from(wrong), version: 5 }).catch(() => undefined)) === "rotated";
      disk.crash(survival, random);
      const opened = await Promise.allSettled([right, wrong].map((key) => KeyRing.open(key, { disk, random })));
      const found = opened.flatMap((each, index) => (each.status === "fulfilled" ? [{ index, ring: each.value }] : []));
      expect(found).toHaveLength(1);
      expect(found[0]?.ring.managerKeys.dataKeys).toEqual(keys.dataKeys);
      needed.add(found[0]?.index ?? -1);
    }
    expect(needed).toEqual(new Set([0, 1]));
  },
);

describe("a backup", () => {
  async function swarm(): Promise<MemoryStore> {
    const memory = memoryStore();
    await memory.writer.update((tx) => {
      const rootCa = { certificate: "root", key: "key", digest: "", joinTokens: undefined };
      const unlockKey = { key: Buffer.from(right), version: 9 };
      tx.put("cluster", { ...Cluster.fromPartial({ id: "c", rootCa }), unlockKey });
      for (const raftId of [1, 2]) {
        const manager = { raftId, addr: `10.0.0.${raftId}:2377` };
        const spec = { desiredRole: NodeRole.MANAGER };
        tx.put("node", aNode({ id: `m${raftId}`, node: { role: NodeRole.MANAGER, spec, manager } }));
      }
      putService(tx, aService({ id: "web" }));
      tx.put("task", aTask({ id: "t", serviceId: "web", nodeId: "m2", state: "RUNNING" }));
    });
    return memory;
  }

  async function backup({ store }: MemoryStore): Promise<Buffer> {
    const modules = { store, newDigest: sha256, sealer: sealerFor("backup", right), nextTurn: setImmediate };
    const pieces: Uint8Array[] = [];
    for await (const piece of makeBackup({ nodeId: "m1", skepVersion: "0", nowMs: 0 }, modules)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  function read(bytes: Uint8Array, sealer: Sealer | undefined): Promise<ReadBackup> {
    return readBackup(asAsync([bytes]), { clock: new VirtualClock(), newDigest: sha256, sealer });
  }

  test("R-805 is refused whole when it is cut or changed; of a locked swarm it needs the unlock key", async () => {
    const bytes = await backup(await swarm());
    const changed = Buffer.from(bytes);
    changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
    const sealer = sealerFor("backup", right);
    await expect(read(bytes.subarray(0, -1), sealer)).rejects.toThrow(/in the middle: get a whole copy/);
    await expect(read(changed, sealer)).rejects.toThrow(/^the backup is damaged at byte/);
    await expect(read(bytes, undefined)).rejects.toThrow(/of a locked swarm: its unlock key/);
    await expect(read(bytes, sealerFor("backup", wrong))).rejects.toThrow(
      /could not be unlocked: invalid key provided/,
    );
  });

  test("R-806 makes the swarm again: its id, services and tasks as they were, one manager, the others workers", async () => {
    const memory = await swarm();
    const kept = await read(await backup(memory), sealerFor("backup", right));
    const certificate = { fingerprint: "f", notAfter: wallTime(0) };
    const chunks = await restoredSnapshot(kept, { raftId: 9, addr: "10.9.9.9:2377", certificate });
    const log = { propose: () => Promise.resolve() };
    const store = new Store({}, { clock: new VirtualClock(), metrics: silentMetrics, log });
    await store.restore(asAsync(chunks));
    expect(store.cluster?.id).toBe("c");
    expect(unlockKeyOf(store.cluster)).toEqual(Buffer.from(right));
    for (const table of ["service", "task", "revision"] as const) {
      expect([...store.table(table).all()]).toEqual([...memory.store.table(table).all()]);
    }
    expect([...store.table("node").all()].map(({ id, role, manager }) => [id, role, manager?.raftId])).toEqual([
      ["m1", NodeRole.MANAGER, 9],
      ["m2", NodeRole.WORKER, undefined],
    ]);
  });
});

async function* asAsync<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
