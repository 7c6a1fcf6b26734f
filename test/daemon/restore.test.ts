// A whole node in this process, on a folder and a port of its own: init, backup, restore, unlock, and what goes wrong on the way.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { InitOptions, RestoreOptions } from "../../src/api/index.js";
import { openDisk, systemClock, systemRandom } from "../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import { LocalNode } from "../../src/daemon/node.js";
import { MemberStarter } from "../../src/daemon/start.js";
import { openState, type State } from "../../src/daemon/state.js";
import { openEngine, parseEngineAddress } from "../../src/engine/index.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { initialClusterSpec } from "../../src/model/index.js";
import { pki } from "../support/pki.js";

const version = "0.1.0";

/** A daemon without its sockets. */
interface Daemon {
  readonly node: LocalNode;
  readonly folder: string;
  readonly state: State;
}

let daemons: Daemon[];
let addr: string;

beforeEach(async () => {
  daemons = [];
  addr = `127.0.0.1:${await freePort()}`;
});

afterEach(async () => {
  for (const { node, folder, state } of daemons) {
    await node.stop();
    await state.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function start(folder = mkdtempSync(join(tmpdir(), "skep-restore-"))): Promise<Daemon> {
  const state = await openState(folder, process.pid);
  const [clock, random, log] = [systemClock, systemRandom, silentLog];
  const engine = openEngine(parseEngineAddress("embedded:"), { clock, random });
  const modules = { state, disk: openDisk(folder), engine, pki, clock, random, log, metrics: silentMetrics };
  const starter = new MemberStarter(
    { name: "h1", version, bootId: "boot", onFatal: (error) => expect.unreachable(error.message) },
    { ...modules, answer: () => Promise.reject(new Error("no")) },
  );
  const daemon = { node: new LocalNode({ state, starter, version, clock, log }), folder, state };
  daemons.push(daemon);
  return daemon;
}

/** The backup of a swarm that is gone by now, and who it was. */
async function lostSwarm(autoLockManagers: boolean): Promise<{ nodeId: string; backup: Buffer; key: string }> {
  const { node } = await start();
  const options: InitOptions = {
    ...{ listenAddr: addr, advertiseAddr: addr, dataPathAddr: "", dataPathPort: 0, forceNewCluster: false },
    ...{ availability: NodeAvailability.ACTIVE, defaultAddressPool: [], subnetSize: 0 },
    spec: { ...initialClusterSpec(), encryption: { autoLockManagers } },
  };
  const nodeId = await node.init(options);
  const key = node.control()?.cluster.unlockKey() ?? "";
  const pieces: Uint8Array[] = [];
  for await (const piece of await node.backup()) pieces.push(piece);
  await node.stop();
  return { nodeId, backup: Buffer.concat(pieces), key };
}

function restore({ node }: Daemon, backup: Uint8Array, unlockKey?: string): Promise<string> {
  const options: RestoreOptions = { listenAddr: addr, advertiseAddr: addr, dataPathAddr: "", unlockKey };
  return node.restore(options, pieces(backup));
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

describe("a swarm that is lost", () => {
  test("is made again of its backup, on a folder that had none, and survives the next start", async () => {
    const { nodeId, backup } = await lostSwarm(false);
    const restored = await start();
    expect(await restore(restored, backup)).toBe(nodeId);
    expect(restored.node.state()).toMatchObject({ local: "active", nodeId, manager: "ready" });
    await restored.node.stop();
    const { raftId } = (await restored.state.membership()) ?? {};
    await restored.node.resume();
    expect(restored.node.state()).toMatchObject({ local: "active", nodeId });
    expect((await restored.state.membership())?.raftId).toBe(raftId);
  });

  test("and was locked is locked again, from the first file on", async () => {
    const { backup, key } = await lostSwarm(true);
    expect(key).toMatch(/^SWMKEY-1-/);
    const restored = await start();
    await restore(restored, backup, key);
    expect(restored.node.control()?.cluster.unlockKey()).toBe(key);
    expect(readFileSync(join(restored.folder, "raft.key"), "utf8")).toMatch(/^\{"format":1,"sealed":/);
    const pem = readFileSync(join(restored.folder, "certificates/swarm-node.key"), "utf8");
    expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  });
});

test("a locked node that is started again is what it was as soon as it has the key", async () => {
  const { backup, key } = await lostSwarm(true);
  const first = await start();
  const nodeId = await restore(first, backup, key);
  await first.node.stop();
  await first.state.close();
  const { node } = await start(first.folder);
  await node.resume();
  expect(node.state().local).toBe("locked");
  await expect(node.unlock(`SWMKEY-1-${"A".repeat(43)}`)).rejects.toThrow(/invalid key provided/);
  await node.unlock(key);
  expect(node.state()).toMatchObject({ local: "active", nodeId });
});

describe("a restore that fails", () => {
  test.each(["cut", "without its key"])("because the backup is %s touches nothing", async (how) => {
    const { backup, key } = await lostSwarm(true);
    const daemon = await start();
    const before = readdirSync(daemon.folder);
    const attempt = how === "cut" ? restore(daemon, backup.subarray(0, -5), key) : restore(daemon, backup);
    await expect(attempt).rejects.toThrow(how === "cut" ? /in the middle/ : /its unlock key/);
    expect(readdirSync(daemon.folder)).toEqual(before);
    expect(daemon.node.state()).toEqual({ local: "inactive" });
  });

  test("because the port is taken leaves nothing, and the next one works", async () => {
    const { backup } = await lostSwarm(false);
    const daemon = await start();
    const before = readdirSync(daemon.folder);
    const squatter = await listening(Number(addr.split(":")[1]));
    await expect(restore(daemon, backup)).rejects.toThrow(/another process uses this address/);
    expect(readdirSync(daemon.folder)).toEqual(before);
    expect(daemon.node.state()).toEqual({ local: "inactive" });
    await new Promise((resolve) => squatter.close(resolve));
    await restore(daemon, backup);
    expect(daemon.node.state()).toMatchObject({ local: "active" });
  });

  test("because the node is in a swarm changes nothing of that", async () => {
    const { backup } = await lostSwarm(false);
    const daemon = await start();
    const nodeId = await restore(daemon, backup);
    await expect(restore(daemon, backup)).rejects.toThrow(/^This node is already part of a swarm/);
    expect(daemon.node.state()).toMatchObject({ local: "active", nodeId });
  });
});

async function freePort(): Promise<number> {
  const server = await listening(0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

function listening(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
