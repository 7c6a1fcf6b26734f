import { once, setMaxListeners } from "node:events";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../../src/base/host/index.js";
import { type Clock, silentLog, silentMetrics } from "../../../src/base/index.js";
import {
  adopt,
  type IdentityModules,
  type Issuers,
  type Joined,
  joinSwarm,
  loadIdentity,
  type NodeIdentity,
} from "../../../src/daemon/identity/index.js";
import { IssueRequest } from "../../../src/gen/skep/v1/ca.js";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import { Ca, createCluster, type NewCluster, RemovedNodes } from "../../../src/manager/ca/index.js";
import { withRemovedNode } from "../../../src/model/index.js";
import { caBinding, dispatcherBinding, type ManagerCalls, openSession, RpcServer } from "../../../src/rpc/index.js";
import { SimDisk, VirtualClock } from "../../../src/sim/index.js";
import { aCluster, aNode, type MemoryStore, memoryStore } from "../../support/memory.js";
import { pki } from "../../support/pki.js";
import { echo, noLogs, noMembers } from "../../support/rpc.js";

const dayMs = 24 * 3_600_000;
const signal = new AbortController().signal;
setMaxListeners(100, signal);

/** A whole manager as far as identities go: store, CA, port. */
interface TestManager {
  readonly created: NewCluster;
  readonly memory: MemoryStore;
  readonly identity: NodeIdentity;
  readonly ca: Ca;
  readonly addr: string;
  readonly server: RpcServer;
}

const servers: RpcServer[] = [];
let manager: TestManager;

beforeEach(async () => {
  manager = await startManager();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe("joining", () => {
  test("with a worker's token makes a worker that opens sessions, and is the same after a restart", async () => {
    const disk = new SimDisk();
    const { identity, managerAddr } = await join({ disk });
    expect([identity.role, identity.clusterId, managerAddr]).toEqual([
      NodeRole.WORKER,
      manager.created.clusterId,
      manager.addr,
    ]);
    expect(manager.memory.store.table("node").get(identity.nodeId)?.description?.hostname).toBe("h2");
    await (await open(identity)).close();
    const again = await loadIdentity(modules({ disk }));
    expect(again?.current).toEqual(identity.current);
    await (await open(again as NodeIdentity)).close();
  });

  test("with a manager's token makes a manager", async () => {
    const { identity } = await join({ token: tokenOf(manager, "manager") });
    expect(identity.role).toBe(NodeRole.MANAGER);
  });

  test("tells of the first manager that answers among several addresses", async () => {
    const { managerAddr } = await join({ remoteAddrs: ["127.0.0.1:1", manager.addr] });
    expect(managerAddr).toBe(manager.addr);
  });

  const refused: readonly { title: string; with: () => Partial<JoinOptions>; kind: string; says: string | RegExp }[] = [
    {
      title: "a malformed token",
      with: () => ({ token: "SWMTKN-1-x" }),
      kind: "InvalidArgument",
      says: "invalid join token",
    },
    { title: "no token", with: () => ({ token: "" }), kind: "InvalidArgument", says: "invalid join token" },
    {
      title: "a wrong secret",
      with: () => ({ token: wrongSecret() }),
      kind: "InvalidArgument",
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "another swarm's token",
      with: () => ({ token: `SWMTKN-1-9f02${"0".repeat(46)}-${"0".repeat(25)}` }),
      kind: "FailedPrecondition",
      says: /^127\.0\.0\.1:\d+ belongs to another swarm: its certificate authority is [0-9a-z]{4}…, the token was made for 9f02…\.\nGet the right token there with 'skep swarm join-token worker'\.$/,
    },
    {
      title: "no address",
      with: () => ({ remoteAddrs: [] }),
      kind: "InvalidArgument",
      says: "at least 1 RemoteAddr is required to join",
    },
    {
      title: "no address at all",
      with: () => ({ remoteAddrs: ["http://x"] }),
      kind: "InvalidArgument",
      says: 'invalid address "http://x": want host or host:port',
    },
    {
      title: "an address where nobody is",
      with: () => ({ remoteAddrs: ["127.0.0.1:1"] }),
      kind: "Unavailable",
      says: "cannot reach 127.0.0.1:1: connection refused; is it a manager's address, and does Skep run?",
    },
  ];

  test.each(refused)("with $title is refused and leaves nothing behind", async ({ with: options, kind, says }) => {
    const disk = new SimDisk();
    const nodes = manager.memory.store.table("node").size;
    const failed = await join({ disk, ...options() }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind });
    if (typeof says === "string") expect((failed as Error).message).toBe(says);
    else expect((failed as Error).message).toMatch(says);
    expect(disk.files()).toEqual([]);
    expect(manager.memory.store.table("node").size).toBe(nodes);
  });

  test("does not hand the token to a swarm it was not made for", async () => {
    const other = await startManager();
    const asked: string[] = [];
    other.ca.issue = async (_caller, request) => {
      asked.push(request.joinToken);
      throw new Error("never");
    };
    await expect(join({ remoteAddrs: [other.addr] })).rejects.toThrow("belongs to another swarm");
    expect(asked).toEqual([]);
  });
});

describe("renewing", () => {
  test("on demand swaps the certificate without a restart: on disk, at the port, in new sessions", async () => {
    const disk = new SimDisk();
    const { identity } = await join({ disk });
    const before = identity.current;
    await identity.renew(toManager(), signal);
    expect(identity.current).not.toEqual(before);
    expect(identity.nodeId).toBe(before.nodeId);
    expect((await loadIdentity(modules({ disk })))?.current).toEqual(identity.current);
    expect(identity.current.key).not.toBe(before.key);
    await (await open(identity)).close();

    const shownBefore = await certificateAt(manager);
    await manager.identity.renew({ local: () => manager.ca, managers: () => [] }, signal);
    expect(await certificateAt(manager)).not.toBe(shownBefore);
    await (await open(identity)).close();
  });

  test("happens by itself between half and four fifths of the life, with hours between the looks", async () => {
    const clock = new VirtualClock();
    const local = await startManager(clock);
    const stop = new AbortController();
    const running = local.identity.run({ local: () => local.ca, managers: () => [] }, stop.signal).catch(() => {});
    const first = local.identity.notAfterMs;
    await clock.advance(44 * dayMs);
    expect(local.identity.notAfterMs).toBe(first);
    const from = clock.monotonic();
    while (local.identity.notAfterMs === first && clock.monotonic() - from < 30 * dayMs) {
      const leftMs = (clock.nextAtMs ?? 0) - clock.monotonic();
      // A renewal under way is bound by a minute, but its keys are made by the machine, not in virtual time.
      if (leftMs <= 60_000) await renewed(local.identity, first);
      clock.step();
      await clock.settle();
    }
    const days = 44 + (clock.monotonic() - from) / dayMs;
    expect(days).toBeGreaterThan(44);
    expect(days).toBeLessThan(73);
    stop.abort(new Error("enough"));
    await running;
  });

  test("that fails is tried again, and the old certificate stays in force", async () => {
    const { identity } = await join();
    const before = identity.current;
    await expect(identity.renew({ local: () => undefined, managers: () => ["127.0.0.1:1"] }, signal)).rejects.toThrow(
      "cannot reach 127.0.0.1:1: connection refused",
    );
    await expect(identity.renew({ local: () => undefined, managers: () => [] }, signal)).rejects.toThrow(
      "no manager is known",
    );
    expect(identity.current).toBe(before);
  });

  test("soon is one renewal for several wishes", async () => {
    const { identity } = await join();
    let renewals = 0;
    identity.onChange(() => {
      renewals += 1;
    });
    const stop = new AbortController();
    const running = identity.run(toManager(), stop.signal).catch(() => {});
    identity.renewSoon();
    identity.renewSoon();
    identity.renewSoon();
    await expect.poll(() => renewals, { timeout: 4_000 }).toBe(1);
    stop.abort(new Error("enough"));
    await running;
    expect(renewals).toBe(1);
  });

  test("takes nothing that does not fit (I3)", async () => {
    const { identity } = await join();
    const other = await join();
    const wrong: Issuers = {
      local: () => ({
        issueLocal: async (_nodeId, csr) =>
          manager.ca.issue({ address: "", nodeId: other.identity.nodeId }, requestOf(csr)),
      }),
      managers: () => [],
    };
    await expect(identity.renew(wrong, signal)).rejects.toThrow(
      `the renewed certificate cannot be used: it is of node ${other.identity.nodeId}`,
    );
  });

  test("is refused to a removed node", async () => {
    const { identity } = await join();
    await remove(manager, identity.nodeId);
    await expect(identity.renew(toManager(), signal)).rejects.toThrow(
      `Permission denied: node ${identity.nodeId} was removed from swarm`,
    );
  });

  test("after the certificate has expired goes against the node's key", async () => {
    const disk = new SimDisk();
    const joined = await join({ disk, token: tokenOf(manager, "worker") });
    await expireOnDisk(disk, joined);
    const identity = (await loadIdentity(modules({ disk }))) as NodeIdentity;
    expect(identity.isExpired).toBe(true);
    await expect(open(identity)).rejects.toThrow("Permission denied: the certificate has expired");
    await identity.renew(toManager(), signal);
    expect(identity.isExpired).toBe(false);
    await (await open(identity)).close();
  });
});

describe("what the node shows of itself", () => {
  test("has the trust root and its issuer as Docker shows them", async () => {
    const { identity } = await join();
    const { trustRoot, certIssuerSubject, certIssuerPublicKey } = identity.tlsInfo;
    expect(trustRoot).toBe(manager.created.rootCa.certificate);
    expect(certIssuerSubject.toString("base64")).toBe("MBMxETAPBgNVBAMTCHN3YXJtLWNh");
    expect(certIssuerPublicKey.length).toBe(91);
  });
});

type JoinOptions = Parameters<typeof joinSwarm>[0] & { readonly disk: SimDisk };

function join(options: Partial<JoinOptions> = {}): Promise<Joined> {
  const { disk = new SimDisk(), ...rest } = options;
  const given = {
    remoteAddrs: [manager.addr],
    token: tokenOf(manager, "worker"),
    availability: 0,
    hostname: "h2",
  } as const;
  // Waiting between two rounds takes no time here.
  const clock = {
    ...clockOf(systemClock),
    after: (ms: number, fn: () => void) => systemClock.after(ms === 1_000 ? 0 : ms, fn),
  };
  return joinSwarm({ ...given, signal, ...rest }, modules({ disk, clock })).then((joined) => joined);
}

function clockOf(clock: Clock): Clock {
  return { now: () => clock.now(), monotonic: () => clock.monotonic(), after: (ms, fn) => clock.after(ms, fn) };
}

function modules(given: { disk: SimDisk; clock?: Clock }): IdentityModules {
  return { pki, clock: systemClock, random: systemRandom, log: silentLog, ...given };
}

function toManager(): Issuers {
  return { local: () => undefined, managers: () => [manager.addr] };
}

function open(identity: NodeIdentity): ReturnType<typeof openSession> {
  return openSession({ addr: manager.addr, credentials: identity.current }, { clock: systemClock, signal });
}

/** Waits, in real time, until another certificate is in force; at most 2 s. */
async function renewed(identity: NodeIdentity, first: number): Promise<void> {
  for (let tries = 0; identity.notAfterMs === first && tries < 400; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function startManager(clock: Clock = systemClock): Promise<TestManager> {
  const created = await createCluster({}, { clock, random: systemRandom, pki });
  const memory = memoryStore(clock as VirtualClock);
  await memory.writer.update((tx) => {
    tx.put("cluster", { ...aCluster({ id: created.clusterId }), rootCa: created.rootCa });
    const node = { role: NodeRole.MANAGER, certificate: created.nodeCertificate };
    tx.put("node", aNode({ id: created.nodeId, node }));
  });
  const identity = await adopt(created, modules({ disk: new SimDisk(), clock }));
  const { store, writer } = memory;
  const world = { store, writer, clock, random: systemRandom, log: silentLog, metrics: silentMetrics };
  const ca = new Ca({}, { ...world, pki });
  const calls: ManagerCalls = {
    root: () => store.cluster?.rootCa?.certificate ?? "",
    leader: () => ({ ca, dispatcher: { session: echo }, members: noMembers(), logs: noLogs() }),
    leaderAddr: () => "",
  };
  const removed = new RemovedNodes(store);
  const server = new RpcServer(
    { host: "127.0.0.1", port: 0 },
    {
      identity,
      clock: systemClock,
      log: silentLog,
      metrics: silentMetrics,
      bindings: [caBinding(calls, silentLog), dispatcherBinding(calls, silentLog)],
      isRemoved: (nodeId) => removed.has(nodeId),
    },
  );
  servers.push(server);
  return { created, memory, identity, ca, server, addr: `127.0.0.1:${await server.listen()}` };
}

function tokenOf({ memory }: TestManager, kind: "worker" | "manager"): string {
  return memory.store.cluster?.rootCa?.joinTokens?.[kind] ?? "";
}

/** The worker's token with another last digit. */
function wrongSecret(): string {
  const token = tokenOf(manager, "worker");
  return `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
}

function requestOf(csr: string): IssueRequest {
  return IssueRequest.fromPartial({ csr });
}

async function remove({ memory }: TestManager, nodeId: string): Promise<void> {
  await memory.writer.update((tx) => {
    const [cluster, node] = [tx.cluster, tx.table("node").get(nodeId)];
    if (!cluster || !node) return;
    tx.put("cluster", withRemovedNode(cluster, node, Date.now()));
    tx.delete("node", nodeId);
  });
}

/** Puts a certificate of last year in the place of the node's, on disk and in its row. */
async function expireOnDisk(disk: SimDisk, { identity }: Joined): Promise<void> {
  const { csr, key } = await pki.createRequest();
  const { nodeId, clusterId } = identity;
  const old = await pki.issue(manager.created.rootCa, csr, {
    organization: clusterId,
    organizationalUnit: "swarm-worker",
    commonName: nodeId,
    dnsNames: ["swarm-worker", nodeId],
    notBeforeMs: Date.now() - 365 * dayMs,
    notAfterMs: Date.now() - 275 * dayMs,
  });
  await disk.replaceFile("certificates/swarm-node.crt", Buffer.from(old.certificate));
  await disk.replaceFile("certificates/swarm-node.key", Buffer.from(key));
  await manager.memory.writer.update((tx) => {
    const node = tx.table("node").get(nodeId);
    if (node) tx.put("node", { ...node, certificate: { fingerprint: old.fingerprint, notAfter: undefined } });
  });
}

/** Fingerprint of what the port shows now. */
async function certificateAt({ addr }: TestManager): Promise<string> {
  const [host = "", port = ""] = addr.split(":");
  const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
