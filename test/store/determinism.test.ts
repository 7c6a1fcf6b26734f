// Applying depends on nothing but the entries (check-list 45): not on who proposed, on the member's clock or chance, nor on
// whether it began from a snapshot.

import { describe, expect, test } from "vitest";
import { silentMetrics, wallTime } from "../../src/base/index.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { Store, type Transaction, type Writer } from "../../src/store/index.js";
import { aNode, aService, aTask, putService } from "../support/memory.js";

interface Member {
  readonly store: Store;
  readonly clock: VirtualClock;
}

/** Members with clocks of their own; an entry reaches all of them, and takes a while. */
function aGroup(count: number) {
  const members: Member[] = Array.from({ length: count }, (_, at) => {
    const clock = new VirtualClock();
    clock.jumpWall(at * 86_400_000 + at * 7);
    const log = {
      propose: async (data: Uint8Array, term: number) => members.forEach(({ store }) => store.apply({ term, data })),
    };
    return { clock, store: new Store({ freeze: at === 0 }, { clock, log, metrics: silentMetrics }) };
  });
  return members;
}

function bytesOf(store: Store): string {
  return Buffer.concat([...store.snapshot()]).toString("base64");
}

async function restored(from: Store): Promise<Store> {
  const store = new Store({}, { clock: new VirtualClock(), log: { propose: async () => {} }, metrics: silentMetrics });
  await store.restore(
    (async function* () {
      yield* from.snapshot();
    })(),
  );
  return store;
}

const actions: readonly ((tx: Transaction, random: SeededRandom) => void)[] = [
  (tx, random) =>
    tx.put("node", aNode({ id: `node-${random.int(20)}`, labels: { z: "1", a: String(random.int(9)), 7: "x" } })),
  (tx, random) => tx.delete("node", `node-${random.int(20)}`),
  (tx, random) => {
    const id = `service-${random.int(10)}`;
    if (tx.table("service").get(id) === undefined)
      putService(tx, aService({ id, replicas: random.int(5), constraints: ["node.role==worker"] }));
  },
  (tx, random) =>
    tx.put(
      "task",
      aTask({ id: `task-${random.int(50)}`, serviceId: `service-${random.int(10)}`, slot: random.int(9) }),
    ),
  (tx, random) => tx.delete("task", `task-${random.int(50)}`),
  (tx, random) => {
    const task = tx.table("task").get(`task-${random.int(50)}`);
    const state = random.pick([TaskState.RUNNING, TaskState.FAILED, TaskState.PENDING]) ?? TaskState.PENDING;
    if (task?.status) tx.setStatus(task.id, { ...task.status, state, timestamp: wallTime(random.int(1e9)) });
  },
];

async function writeSome(writer: Writer, random: SeededRandom, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const batch = Array.from({ length: 1 + random.int(4) }, () => random.pick(actions));
    const run = (tx: Transaction): void => batch.forEach((act) => act?.(tx, random));
    if (random.chance(0.3)) await writer.once(`request-${at}`, (tx) => (run(tx), `answer ${at}`));
    else await Promise.all([writer.update(run), writer.update(run)]);
  }
}

describe("the same entries make the same state, to the byte", () => {
  test.each([1, 2, 3])(
    "whoever leads, whatever the clocks say, from a snapshot or from the first entry (seed %i)",
    async (seed) => {
      const random = new SeededRandom(seed);
      const members = aGroup(3);
      for (let term = 1; term <= 6; term++) {
        const leader = members[term % members.length]?.store;
        const writer = leader?.lead(term);
        if (!leader || !writer) throw new Error("there is a leader");
        await writeSome(writer, random, 30);
        leader.unlead();
        const [first, ...others] = members.map(({ store }) => bytesOf(store));
        for (const other of others) expect(other).toBe(first);
        // And one member goes on from a snapshot: the same, now and after all that comes.
        const fresh = await restored(leader);
        expect(bytesOf(fresh)).toBe(first);
        const victim = members[(term + 1) % members.length];
        await victim?.store.restore(
          (async function* () {
            yield* fresh.snapshot();
          })(),
        );
      }
      expect(members[0]?.store.table("task").size).toBeGreaterThan(10);
    },
  );
});

describe("a snapshot's chunks", () => {
  test("stay small however large the rows are, and none is empty", async () => {
    const [member] = aGroup(1);
    const writer = member?.store.lead(1);
    if (!member || !writer) throw new Error("there is a member");
    for (let at = 0; at < 20; at++) {
      await writer.update((tx) => tx.put("node", aNode({ id: `large-${at}`, labels: { text: "x".repeat(300_000) } })));
    }
    await writer.update((tx) => {
      for (let at = 0; at < 1_900; at++) tx.put("node", aNode({ id: `node-${at}` }));
    });
    const sizes = [...member.store.snapshot()].map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThan(64 * 1024 + 301_000);
    expect(sizes.length).toBeLessThan(40);
    expect(bytesOf(await restored(member.store))).toBe(bytesOf(member.store));
  });
});
