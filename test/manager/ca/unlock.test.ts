import { beforeEach, describe, expect, test } from "vitest";
import { Cluster } from "../../../src/gen/skep/v1/objects.js";
import { Ca, createCluster, parseUnlockKey, unlockKeyOf, unlockKeyText } from "../../../src/manager/ca/index.js";
import { Control } from "../../../src/manager/control/index.js";
import { initialClusterSpec } from "../../../src/model/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";
import { type MemoryStore, memoryStore } from "../../support/memory.js";
import { pki } from "../../support/pki.js";

const form = /^SWMKEY-1-[A-Za-z0-9+/]{43}$/;

describe("an unlock key", () => {
  test("is read as it was shown", () => {
    const key = Uint8Array.from({ length: 32 }, (_, at) => 255 - at);
    expect(unlockKeyText(key)).toMatch(form);
    expect(parseUnlockKey(unlockKeyText(key))).toEqual(key);
  });

  const wrong = ["", "SWMKEY-1-", "SWMKEY-1-short", `SWMKEY-2-${"A".repeat(43)}`, `SWMKEY-1-${"A".repeat(44)}`, "key"];
  test.each(wrong)("is not %j, which no answer repeats", (text) => {
    expect(() => parseUnlockKey(text)).toThrow(/^invalid key string$/);
  });
});

describe("the swarm's unlock key", () => {
  let memory: MemoryStore;
  let control: Control;
  let requests = 0;

  beforeEach(async () => {
    memory = memoryStore();
    const ca = new Ca({}, { ...memory, writer: memory.writer, pki });
    const membership = { managers: () => new Map() };
    control = new Control(
      { signal: new AbortController().signal },
      { ...memory, writer: memory.writer, ca, membership },
    );
    await memory.writer.update((tx) =>
      tx.put("cluster", Cluster.fromPartial({ id: "cluster", spec: initialClusterSpec() })),
    );
  });

  async function update(autoLockManagers: boolean, rotate = false): Promise<string> {
    const spec = { ...initialClusterSpec(), encryption: { autoLockManagers } };
    const version = memory.store.cluster?.meta?.version ?? 0;
    requests += 1;
    await control.cluster.update(`request-${requests}`, version, spec, {
      ...{ worker: false, manager: false, unlockKey: rotate },
    });
    return control.cluster.unlockKey();
  }

  test("is drawn when locking turns on, and gone when it turns off", async () => {
    expect(control.cluster.unlockKey()).toBe("");
    const first = await update(true);
    expect(first).toMatch(form);
    expect(await update(false)).toBe("");
    expect(unlockKeyOf(memory.store.cluster)).toBeUndefined();
    const second = await update(true);
    expect(second).toMatch(form);
    expect(second).not.toBe(first);
  });

  test("stays through other updates, and is another one when that is asked for", async () => {
    const first = await update(true);
    expect(await update(true)).toBe(first);
    expect(await update(true, true)).not.toBe(first);
  });

  test("is not made by a wish to rotate it while managers are not locked, as in Docker", async () => {
    expect(await update(false, true)).toBe("");
    expect(memory.store.cluster?.unlockKey).toBeUndefined();
  });

  test("has a higher version after every change, its end included", async () => {
    const versions: number[] = [];
    for (const [locked, rotate] of [
      [true, false],
      [true, true],
      [false, false],
      [true, false],
    ] as const) {
      await update(locked, rotate);
      const { unlockKey, meta } = memory.store.cluster ?? {};
      expect(unlockKey?.version).toBe(meta?.version);
      versions.push(unlockKey?.version ?? 0);
    }
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });
});

test("a new swarm has an unlock key only when it is to be locked", async () => {
  const world = { clock: new VirtualClock(), random: new SeededRandom(1), pki };
  expect((await createCluster({}, world)).unlockKey).toBeUndefined();
  expect((await createCluster({ autoLock: true }, world)).unlockKey).toHaveLength(32);
});
