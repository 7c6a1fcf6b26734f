import { beforeEach, describe, expect, test } from "vitest";
import { silentLog, silentMetrics, wallTime } from "../../src/base/index.js";
import { sha256 } from "../../src/daemon/digest.js";
import { sealerFor } from "../../src/daemon/keys/index.js";
import { BackupHeader } from "../../src/gen/skep/v1/backup.js";
import { Cluster } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { decodeBackupFile, encodeBackupFile, type Frame } from "../../src/manager/backup-file.js";
import { makeBackup, type ReadBackup, readBackup, restoredSnapshot } from "../../src/manager/index.js";
import { openSealer, RaftMember, type Sealer, seedMember } from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import { Store, type TableName } from "../../src/store/index.js";
import { aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../support/memory.js";

const tables: readonly TableName[] = ["cluster", "node", "service", "revision", "task", "network", "request"];
const unlockKey = new Uint8Array(32).fill(9);
const clock = new VirtualClock();
const first = { raftId: 77, addr: "10.9.9.9:2377", certificate: { fingerprint: "new", notAfter: wallTime(1_000) } };
let memory: MemoryStore;

beforeEach(async () => {
  memory = memoryStore(new VirtualClock(), 3);
  await memory.writer.update((tx) => {
    const rootCa = { certificate: "root", key: "the root's key", digest: "", joinTokens: undefined };
    tx.put("cluster", { ...Cluster.fromPartial({ id: "swarm", rootCa }), removedRaftIds: [5] });
    for (const raftId of [1, 2, 3]) {
      const spec = { desiredRole: NodeRole.MANAGER };
      const manager = { raftId, addr: `10.0.0.${raftId}:2377` };
      tx.put("node", aNode({ id: `m${raftId}`, node: { role: NodeRole.MANAGER, spec, manager } }));
    }
    tx.put("node", aNode({ id: "w1" }));
    putService(tx, aService({ id: "web", name: "web" }));
    for (let slot = 1; slot <= 3; slot += 1) {
      tx.put("task", aTask({ id: `t${slot}`, serviceId: "web", slot, nodeId: "w1", state: "RUNNING" }));
    }
  });
});

async function backup(sealer?: Sealer, store = memory.store): Promise<Buffer> {
  const options = { nodeId: "m1", skepVersion: "0.1.0", nowMs: 5_000 };
  const modules = { store, newDigest: sha256, sealer, nextTurn: setImmediate };
  const pieces: Uint8Array[] = [];
  for await (const piece of makeBackup(options, modules)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Arrives in pieces of this size. */
async function* arriving(bytes: Uint8Array, pieceBytes = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function read(bytes: Uint8Array, options: { sealer?: Sealer; pieceBytes?: number } = {}): Promise<ReadBackup> {
  return readBackup(arriving(bytes, options.pieceBytes), { clock, newDigest: sha256, sealer: options.sealer });
}

async function restored(bytes: Uint8Array): Promise<Store> {
  const store = new Store({}, { clock, metrics: silentMetrics, log: { propose: () => Promise.resolve() } });
  const chunks = await restoredSnapshot(await read(bytes), first);
  await store.restore(asAsync(chunks));
  return store;
}

async function* asAsync<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function rowsOf(store: Store): unknown {
  return Object.fromEntries(tables.map((name) => [name, [...store.table(name).all()]]));
}

describe("a backup", () => {
  test.each([1, 7, 1_000, 1_000_000])(
    "holds every row as it was, however it arrives (pieces of %i bytes)",
    async (pieceBytes) => {
      const { header, store } = await read(await backup(), { pieceBytes });
      expect(rowsOf(store)).toEqual(rowsOf(memory.store));
      expect(header).toMatchObject({
        clusterId: "swarm",
        nodeId: "m1",
        sealed: false,
        revision: memory.store.revision,
      });
      expect(header.members.map(({ raftId, addr }) => `${raftId} ${addr}`)).toEqual([
        "1 10.0.0.1:2377",
        "2 10.0.0.2:2377",
        "3 10.0.0.3:2377",
      ]);
    },
  );

  test("is of one moment, whatever is written while it is made, and gives way after every chunk", async () => {
    await memory.writer.update((tx) => {
      for (let slot = 1; slot <= 1_500; slot += 1) tx.put("task", aTask({ id: `many${slot}`, serviceId: "web", slot }));
    });
    const before = rowsOf(memory.store);
    let turns = 0;
    const nextTurn = (fn: () => void): void => {
      turns += 1;
      void memory.writer.update((tx) => tx.delete("task", `many${turns}`)).then(fn);
    };
    const options = { nodeId: "m1", skepVersion: "0.1.0", nowMs: 5_000 };
    const pieces: Uint8Array[] = [];
    for await (const piece of makeBackup(options, {
      store: memory.store,
      newDigest: sha256,
      sealer: undefined,
      nextTurn,
    })) {
      pieces.push(piece);
    }
    expect(turns).toBeGreaterThan(3);
    expect(rowsOf((await read(Buffer.concat(pieces))).store)).toEqual(before);
    expect(rowsOf(memory.store)).not.toEqual(before);
  });

  test("of a manager that has nothing yet is refused before the first byte", () => {
    const { store } = memoryStore();
    const modules = { store, newDigest: sha256, sealer: undefined, nextTurn: setImmediate };
    expect(() => makeBackup({ nodeId: "m1", skepVersion: "0", nowMs: 0 }, modules)).toThrow(/nothing of its swarm/);
  });
});

describe("a backup is refused", () => {
  test("when any bit of it is another one", async () => {
    const bytes = await backup();
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await expect(read(flipped), `byte ${at}`).rejects.toThrow(/^(this is not a backup|the backup )/);
    }
  });

  test("when it is cut short anywhere", async () => {
    const bytes = await backup();
    for (let length = 0; length < bytes.length; length += 1) {
      const says = length < 20 ? /^this is not a backup: / : /^the backup ends at byte \d+, in the middle: get a whole/;
      await expect(read(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(says);
    }
  });

  const rows: readonly [title: string, change: (bytes: Buffer) => Buffer, says: RegExp][] = [
    ["when something follows it", (bytes) => Buffer.concat([bytes, bytes]), /something follows its end/],
    [
      "when it is something else",
      () => Buffer.from("PK\u0003\u0004 a zip file\n"),
      /^this is not a backup: 'skep system backup'/,
    ],
    ["when it has no line end at all", () => Buffer.alloc(1 << 20), /^this is not a backup/],
    [
      "when it is of a newer Skep, which is named",
      (bytes) => Buffer.concat([Buffer.from("skep-backup 2 3.1.4\n"), bytes.subarray(20)]),
      /^the backup has format 2, this Skep reads up to 1: Skep 3.1.4 or newer is needed$/,
    ],
  ];
  test.each(rows)("%s", async (_title, change, says) => {
    await expect(read(change(await backup()))).rejects.toThrow(says);
  });
});

describe("a backup of a locked swarm", () => {
  const sealer = (key = unlockKey): Sealer => sealerFor("backup", key);

  test("can be read with the unlock key", async () => {
    const { store } = await read(await backup(sealer()), { sealer: sealer() });
    expect(rowsOf(store)).toEqual(rowsOf(memory.store));
  });

  test("shows nothing secret without it", async () => {
    expect((await backup()).includes("the root's key")).toBe(true);
    const sealed = await backup(sealer());
    expect(sealed.includes("the root's key")).toBe(false);
    await expect(read(sealed)).rejects.toThrow(/^the backup is of a locked swarm: its unlock key/);
    await expect(read(sealed, { sealer: sealer(new Uint8Array(32)) })).rejects.toThrow(
      /^the backup could not be unlocked: invalid key provided$/,
    );
  });
});

test("parts of a sealed backup cannot be left out, moved or put under another header without the key", async () => {
  const sealer = sealerFor("backup", unlockKey);
  const frames: Frame[] = [];
  for await (const frame of decodeBackupFile(arriving(await backup(sealer)), sha256)) frames.push(frame);
  const [header, ...parts] = frames;
  if (!header || header.kind !== "header") throw new Error("a header");
  const other = { ...BackupHeader.decode(header.payload), nodeId: "m2" };
  const changed: readonly Frame[][] = [
    frames.slice(0, -1),
    [header, ...parts.slice(1)],
    [header, ...[...parts].reverse()],
    [header, ...parts, ...parts.slice(-1)],
    [{ kind: "header", payload: BackupHeader.encode(other).finish() }, ...parts],
  ];
  for (const each of changed) {
    const pieces: Uint8Array[] = [];
    for await (const piece of encodeBackupFile(asAsync(each), sha256)) pieces.push(piece);
    await expect(read(Buffer.concat(pieces), { sealer })).rejects.toThrow(/not those that were sealed together/);
  }
});

describe("what is restored", () => {
  test("has one manager, with its new place and certificate; the others are workers, their raft ids never used again", async () => {
    const store = await restored(await backup());
    const nodes = [...store.table("node").all()].map(({ id, role, spec, manager, certificate }) => {
      return [id, role, spec?.desiredRole, manager?.raftId, certificate?.fingerprint];
    });
    expect(nodes).toEqual([
      ["m1", NodeRole.MANAGER, NodeRole.MANAGER, 77, "new"],
      ["m2", NodeRole.WORKER, NodeRole.WORKER, undefined, undefined],
      ["m3", NodeRole.WORKER, NodeRole.WORKER, undefined, undefined],
      ["w1", NodeRole.WORKER, NodeRole.WORKER, undefined, undefined],
    ]);
    expect(store.cluster?.removedRaftIds).toEqual([5, 1, 2, 3]);
  });

  test("has services and tasks exactly as they were", async () => {
    const store = await restored(await backup());
    for (const name of ["service", "revision", "task", "network"] as const) {
      expect([...store.table(name).all()]).toEqual([...memory.store.table(name).all()]);
    }
  });

  test("goes on far above any version of after the backup", async () => {
    expect((await restored(await backup())).revision).toBeGreaterThan(memory.store.revision + 999_999_999);
  });

  test("starts as the only member of a consensus", async () => {
    const disk = new SimDisk();
    const chunks = await restoredSnapshot(await read(await backup()), first);
    await seedMember({ id: first.raftId, folder: "raft" }, { disk, sealer: openSealer, log: silentLog }, chunks);
    for (const life of [1, 2]) {
      const store = new Store(
        {},
        { clock, metrics: silentMetrics, log: { propose: (data, term) => member.propose(data, term) } },
      );
      const world = new VirtualClock();
      const member = new RaftMember(
        { id: first.raftId, folder: "raft", bootstrap: false },
        {
          ...{ disk, sealer: openSealer, clock: world, random: new SeededRandom(life), log: silentLog },
          ...{ metrics: silentMetrics, nextTurn: (fn: () => void) => void world.after(0, fn) },
          stateMachine: {
            apply: (entry) => store.apply(entry),
            snapshot: () => store.snapshot(),
            restore: (from) => store.restore(from),
          },
        },
      );
      let term = 0;
      member.onLeadership((change) => (term = change.leading ? change.term : 0));
      await world.finish(member.start(), 60_000, "the start");
      await world.runUntil(() => term > 0, 10_000, "leadership");
      const writer = store.lead(term);
      await world.finish(
        writer.update((tx) => tx.put("node", aNode({ id: `new${life}` }))),
        10_000,
        "a write",
      );
      expect(store.table("task").size).toBe(3);
      expect(store.table("node").size).toBe(4 + life);
      await world.finish(member.stop(), 10_000, "the stop");
    }
  });
});
