import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openDisk } from "../../../src/base/host/index.js";
import { silentLog } from "../../../src/base/index.js";
import { loadPems, type Pems, storePems } from "../../../src/daemon/identity/files.js";
import { type IdentityModules, loadIdentity } from "../../../src/daemon/identity/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../../src/sim/index.js";
import { pki, type TestSwarm, testSwarm } from "../../support/pki.js";

const before: Pems = { root: "root 1", certificate: "certificate 1", key: "key 1" };
const after: Pems = { root: "root 2", certificate: "certificate 2", key: "key 2" };

describe("the files of an identity", () => {
  test("are Docker's, readable by their owner only, and no others are left", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skep-identity-"));
    await storePems(openDisk(folder), before);
    await storePems(openDisk(folder), after);
    const certificates = join(folder, "certificates");
    expect(readdirSync(certificates).sort()).toEqual(["swarm-node.crt", "swarm-node.key", "swarm-root-ca.crt"]);
    for (const file of readdirSync(certificates)) expect(statSync(join(certificates, file)).mode & 0o777).toBe(0o600);
    expect(await loadPems(openDisk(folder))).toEqual(after);
    rmSync(folder, { recursive: true });
  });

  test("are none before there is an identity", async () => {
    expect(await loadPems(new SimDisk())).toBeUndefined();
  });

  test.each(["nothing", "everything", "torn"] as const)(
    "are the old or the new ones together, wherever a crash falls (I2); of what was unsynced survives %s",
    async (survival) => {
      const outcomes = new Set<string>();
      for (let at = 1; ; at += 1) {
        const disk = new SimDisk();
        const random = new SeededRandom(at);
        await storePems(disk, before);
        disk.crashAfter(at);
        const stored = await storePems(disk.mount(), after).then(
          () => true,
          () => false,
        );
        disk.crash(survival, random);
        // The first look may crash as well.
        disk.crashAfter(1 + random.int(8));
        await loadPems(disk.mount()).catch(() => undefined);
        disk.crash(survival, random);
        const loaded = await loadPems(disk);
        expect([before, after]).toContainEqual(loaded);
        expect(await loadPems(disk)).toEqual(loaded);
        if (stored) expect(loaded).toEqual(after);
        outcomes.add(loaded?.key ?? "");
        if (stored) break;
      }
      expect(outcomes).toEqual(new Set(["key 1", "key 2"]));
    },
  );
});

describe("an identity is not loaded", () => {
  let swarm: TestSwarm;
  let other: TestSwarm;
  beforeAll(async () => {
    [swarm, other] = await Promise.all([testSwarm(), testSwarm()]);
  });

  const rows: readonly { title: string; pems: () => Pems; says: RegExp }[] = [
    {
      title: "with the key of another",
      pems: () => ({ ...swarm.manager, key: other.manager.key }),
      says: /^the stored certificate cannot be used: it does not belong to the node's key$/,
    },
    {
      title: "with the certificate of another",
      pems: () => ({ ...swarm.manager, certificate: other.manager.certificate }),
      says: /^the stored certificate cannot be used: the certificate was not issued by this swarm's certificate authority$/,
    },
    {
      title: "with an empty certificate",
      pems: () => ({ ...swarm.manager, certificate: "" }),
      says: /^the stored certificate cannot be used: not a PEM certificate$/,
    },
    {
      title: "with an empty root",
      pems: () => ({ ...swarm.manager, root: "" }),
      says: /^the stored certificate cannot be used: not a PEM certificate$/,
    },
    {
      title: "with garbage for a key",
      pems: () => ({ ...swarm.manager, key: "garbage" }),
      says: /^the stored certificate cannot be used: /,
    },
  ];

  test.each(rows)("$title", async ({ pems, says }) => {
    const disk = new SimDisk();
    await storePems(disk, pems());
    await expect(loadIdentity(modulesOn(disk))).rejects.toThrow(says);
  });

  test("with a file missing, which is named", async () => {
    const disk = new SimDisk();
    await storePems(disk, swarm.manager);
    await disk.remove("certificates/swarm-node.key");
    await expect(loadIdentity(modulesOn(disk))).rejects.toThrow(
      "the data folder has no certificates/swarm-node.key: put it back from a backup, or leave the swarm and join again",
    );
  });
});

function modulesOn(disk: SimDisk): IdentityModules {
  return { disk, pki, clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog };
}
