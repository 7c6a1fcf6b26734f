import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Log, type LogFields, millis, newId, type Random, wallTime } from "../../../src/base/index.js";
import { IssueRequest, type IssueResponse } from "../../../src/gen/skep/v1/ca.js";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import {
  Ca,
  type Caller,
  createCluster,
  type NewCluster,
  type NewRequest,
  nodeProfile,
  type Pki,
  RemovedNodes,
} from "../../../src/manager/ca/index.js";
import { withRemovedNode } from "../../../src/model/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";
import { aCluster, aNode, type MemoryStore, memoryStore } from "../../support/memory.js";
import { pki } from "../../support/pki.js";

const dayMs = 24 * 3_600_000;
const stranger: Caller = { address: "10.0.0.9" };

let created: NewCluster;
let other: NewCluster;
let request: NewRequest;
let memory: MemoryStore;
let ca: Ca;
let lines: LogFields[];

beforeAll(async () => {
  const world = { clock: new VirtualClock(), pki };
  created = await createCluster({}, { ...world, random: new SeededRandom(1) });
  other = await createCluster({}, { ...world, random: new SeededRandom(2) });
  request = await pki.createRequest();
});

beforeEach(async () => {
  memory = memoryStore(new VirtualClock(), 7);
  lines = [];
  ca = newCa(pki);
  await memory.writer.update((tx) => {
    tx.put("cluster", { ...aCluster({ id: created.clusterId }), rootCa: created.rootCa });
    const node = { role: NodeRole.MANAGER, certificate: created.nodeCertificate };
    tx.put("node", aNode({ id: created.nodeId, node }));
  });
});

describe("a new swarm", () => {
  test("has a root, two tokens for it, and the first manager's certificate", () => {
    const { rootCa, credentials, nodeId, clusterId } = created;
    const facts = pki.inspect(credentials.certificate, rootCa.certificate);
    expect(facts).toMatchObject({ nodeId, clusterId, role: NodeRole.MANAGER });
    expect(facts.fingerprint).toBe(created.nodeCertificate.fingerprint);
    expect(facts.notAfterMs).toBe(millis(created.nodeCertificate.notAfter));
    expect(rootCa.digest).toBe(pki.digest(rootCa.certificate));
    expect(rootCa.joinTokens?.worker).not.toBe(rootCa.joinTokens?.manager);
    for (const token of [rootCa.joinTokens?.worker, rootCa.joinTokens?.manager]) {
      expect(token).toMatch(new RegExp(`^SWMTKN-1-${rootCa.digest}-[0-9a-z]{25}$`));
    }
    expect(credentials.root).toBe(rootCa.certificate);
  });
});

describe("a joiner", () => {
  const roles = [
    ["worker", NodeRole.WORKER],
    ["manager", NodeRole.MANAGER],
  ] as const;

  test.each(roles)("with the %s token becomes a node of that role", async (kind, role) => {
    const response = await ca.issue(stranger, joining({ joinToken: tokenOf(kind), hostname: "h2", availability: 1 }));
    const facts = pki.inspect(response.certificate, created.rootCa.certificate);
    expect(facts).toMatchObject({ nodeId: response.nodeId, clusterId: created.clusterId, role });
    expect(response).toMatchObject({ clusterId: created.clusterId, role, rootCertificate: created.rootCa.certificate });
    const node = memory.store.table("node").get(response.nodeId);
    expect(node).toMatchObject({
      role,
      spec: { desiredRole: role, availability: 1 },
      description: { hostname: "h2" },
      certificate: { fingerprint: facts.fingerprint, notAfter: wallTime(facts.notAfterMs) },
    });
    expect(node?.specVersion).toBe(node?.meta?.version);
    expect(node?.id).toMatch(/^[0-9a-z]{25}$/);
  });

  test("gets a certificate that lasts as long as the swarm says", async () => {
    await writeCluster({ nodeExpiryMs: 2 * dayMs });
    const { notAfter } = await ca.issue(stranger, joining());
    expect(millis(notAfter)).toBe(memory.clock.now() + 2 * dayMs);
  });

  const refused: readonly { title: string; asks: () => Partial<IssueRequest>; says: string }[] = [
    {
      title: "without a token",
      asks: () => ({ joinToken: "" }),
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "with a made-up token",
      asks: () => ({ joinToken: "SWMTKN-1-x-y" }),
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "with a token of the right root and a wrong secret",
      asks: () => ({ joinToken: `${tokenOf("worker").slice(0, -1)}_` }),
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "with another swarm's token",
      asks: () => ({ joinToken: other.rootCa.joinTokens?.worker ?? "" }),
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "with a longer token",
      asks: () => ({ joinToken: `${tokenOf("worker")}0` }),
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "with a request too long",
      asks: () => ({ csr: "x".repeat(20_000) }),
      says: "invalid certificate request: larger than 16384 bytes",
    },
    {
      title: "without a request",
      asks: () => ({ csr: "" }),
      says: "invalid certificate request: not a PEM certificate request",
    },
    {
      title: "with a hostname too long",
      asks: () => ({ hostname: "h".repeat(300) }),
      says: "invalid hostname: longer than 255 characters",
    },
    {
      title: "with a line in its hostname",
      asks: () => ({ hostname: "a\nb" }),
      says: "invalid hostname: it has control characters",
    },
    {
      title: "with an availability there is not",
      asks: () => ({ availability: 9 as never }),
      says: "invalid node availability: 9",
    },
  ];

  test.each(refused)("$title is refused", async ({ asks, says }) => {
    const nodes = memory.store.table("node").size;
    await expect(ca.issue(stranger, joining(asks()))).rejects.toMatchObject({ kind: "InvalidArgument", message: says });
    expect(memory.store.table("node").size).toBe(nodes);
  });

  test("is logged with its address when refused, and nothing it sent", async () => {
    const joinToken = `${tokenOf("worker").slice(0, -1)}_`;
    await expect(ca.issue(stranger, joining({ joinToken }))).rejects.toThrow();
    expect(lines).toEqual([
      {
        message: "certificate refused",
        address: "10.0.0.9",
        reason: "A valid join token is necessary to join this cluster",
      },
    ]);
  });

  test("whose id is taken gets another", async () => {
    let drawn = 0;
    const bytes = (count: number): Uint8Array => {
      drawn += 1;
      return drawn === 1 ? new Uint8Array(count).fill(1) : memory.random.bytes(count);
    };
    const random = { bytes, next: () => 0 };
    const taken = newId({ ...random, bytes: (count) => new Uint8Array(count).fill(1) });
    await memory.writer.update((tx) => tx.put("node", aNode({ id: taken })));
    const { nodeId } = await newCa(pki, random).issue(stranger, joining());
    expect([nodeId === taken, drawn]).toEqual([false, 2]);
    expect(memory.store.table("node").get(taken)?.description?.hostname).toBe(taken);
  });
});

describe("rotating tokens", () => {
  test("replaces the one that was named, the old one stops working, nodes stay", async () => {
    const [worker, manager] = [tokenOf("worker"), tokenOf("manager")];
    await memory.writer.update((tx) => ca.rotateTokens(tx, { worker: true }));
    expect([tokenOf("worker") === worker, tokenOf("manager") === manager]).toEqual([false, true]);
    expect(tokenOf("worker").slice(0, 60)).toBe(worker.slice(0, 60));
    await expect(ca.issue(stranger, joining({ joinToken: worker }))).rejects.toThrow("A valid join token");
    await ca.issue(stranger, joining({ joinToken: manager }));
    await ca.issue({ address: "", nodeId: created.nodeId }, joining({ joinToken: "" }));
  });

  test("while a certificate is being made refuses the old token (C2)", async () => {
    const slow = newCa({
      ...pki,
      issue: async (...args) => {
        await memory.writer.update((tx) => rotated(tx.cluster?.rootCa?.joinTokens?.worker ?? "", tx));
        return pki.issue(...args);
      },
    });
    const nodes = memory.store.table("node").size;
    await expect(slow.issue(stranger, joining())).rejects.toThrow("A valid join token is necessary");
    expect(memory.store.table("node").size).toBe(nodes);
  });
});

describe("a renewal", () => {
  test("is given for the certificate in force, and recorded", async () => {
    const before = memory.store.table("node").get(created.nodeId);
    await memory.clock.advance(40 * dayMs);
    const response = await ca.issue({ address: "10.0.0.1", nodeId: created.nodeId }, joining({ joinToken: "" }));
    const facts = pki.inspect(response.certificate, created.rootCa.certificate);
    expect(facts).toMatchObject({ nodeId: created.nodeId, role: NodeRole.MANAGER });
    expect(facts.notAfterMs).toBe(memory.clock.now() + 90 * dayMs);
    const { meta: _, ...node } = memory.store.table("node").get(created.nodeId) ?? {};
    const { meta: __, ...old } = before ?? {};
    const certificate = { fingerprint: facts.fingerprint, notAfter: wallTime(facts.notAfterMs) };
    expect(node).toEqual({ ...old, certificate });
  });

  test("follows the node's observed role", async () => {
    await memory.writer.update((tx) => {
      const node = tx.table("node").get(created.nodeId);
      if (node) tx.put("node", { ...node, role: NodeRole.WORKER });
    });
    const { role, certificate } = await ca.issue({ address: "", nodeId: created.nodeId }, joining());
    expect(role).toBe(NodeRole.WORKER);
    expect(pki.inspect(certificate, created.rootCa.certificate).role).toBe(NodeRole.WORKER);
  });

  test("of this node itself needs no call", async () => {
    const response = await ca.issueLocal(created.nodeId, request.csr);
    expect(response).toMatchObject({ nodeId: created.nodeId, role: NodeRole.MANAGER });
  });

  test("is refused to a removed node, however soon", async () => {
    const joined = await ca.issue(stranger, joining());
    const caller = { address: "", nodeId: joined.nodeId };
    await remove(joined.nodeId);
    const says = `Permission denied: node ${joined.nodeId} was removed from swarm`;
    await expect(ca.issue(caller, joining())).rejects.toMatchObject({ kind: "PermissionDenied", message: says });
  });

  test("is refused to a node removed while it is made (C2)", async () => {
    const joined = await ca.issue(stranger, joining());
    const slow = newCa({
      ...pki,
      issue: async (...args) => {
        await remove(joined.nodeId);
        return pki.issue(...args);
      },
    });
    await expect(slow.issue({ address: "", nodeId: joined.nodeId }, joining())).rejects.toThrow(
      "was removed from swarm",
    );
    expect(memory.store.table("node").get(joined.nodeId)).toBeUndefined();
  });

  test("when leadership is lost can be asked for again", async () => {
    const slow = newCa({
      ...pki,
      issue: async (...args) => {
        memory.changeLeader();
        return pki.issue(...args);
      },
    });
    await expect(slow.issue(stranger, joining())).rejects.toMatchObject({
      kind: "Unavailable",
      message: "the swarm changed its leader while the certificate was made; try again",
    });
  });
});

describe("a node whose certificate ran out while it was away", () => {
  let joined: IssueResponse;
  let fresh: NewRequest;

  beforeEach(async () => {
    joined = await ca.issue(stranger, joining());
    fresh = await pki.createRequest();
    await memory.clock.advance(200 * dayMs);
  });

  test("renews against its key", async () => {
    const response = await ca.issue(stranger, shown());
    expect(response.nodeId).toBe(joined.nodeId);
    expect(millis(response.notAfter)).toBe(memory.clock.now() + 90 * dayMs);
  });

  const refused: readonly {
    title: string;
    asks: () => Promise<Partial<IssueRequest>>;
    kind: string;
    says: string | RegExp;
  }[] = [
    {
      title: "without a proof",
      asks: async () => ({ expiredProof: Buffer.alloc(0) }),
      kind: "PermissionDenied",
      says: "Permission denied: the request is not signed by the key of the expired certificate",
    },
    {
      title: "with a proof of another key",
      asks: async () => ({ expiredProof: Buffer.from(pki.prove(fresh.key, fresh.csr)) }),
      kind: "PermissionDenied",
      says: "Permission denied: the request is not signed by the key of the expired certificate",
    },
    {
      title: "with a proof for another request",
      asks: async () => ({ csr: (await pki.createRequest()).csr }),
      kind: "PermissionDenied",
      says: "Permission denied: the request is not signed by the key of the expired certificate",
    },
    {
      title: "with another swarm's certificate",
      asks: async () => ({ expiredCertificate: other.credentials.certificate }),
      kind: "InvalidArgument",
      says: "the certificate was not issued by this swarm's certificate authority",
    },
    {
      title: "with garbage for a certificate",
      asks: async () => ({ expiredCertificate: "garbage" }),
      kind: "InvalidArgument",
      says: "not a PEM certificate",
    },
    {
      title: "with our certificate for another swarm",
      asks: async () => {
        const profile = nodeProfile({
          nodeId: joined.nodeId,
          clusterId: "elsewhere",
          role: NodeRole.WORKER,
          nowMs: memory.clock.now(),
          expiryMs: 0,
        });
        return { expiredCertificate: (await pki.issue(created.rootCa, request.csr, profile)).certificate };
      },
      kind: "PermissionDenied",
      says: "Permission denied: the expired certificate is of another swarm",
    },
    {
      title: "with a certificate that is not its last",
      asks: async () => {
        await ca.issue({ address: "", nodeId: joined.nodeId }, joining());
        return {};
      },
      kind: "PermissionDenied",
      says: /^Permission denied: the expired certificate is not the last one node [0-9a-z]{25} was given$/,
    },
    {
      title: "that was removed",
      asks: async () => {
        await remove(joined.nodeId);
        return {};
      },
      kind: "PermissionDenied",
      says: /^Permission denied: node [0-9a-z]{25} was removed from swarm$/,
    },
  ];

  test.each(refused)("$title is refused", async ({ asks, kind, says }) => {
    const failed = await ca.issue(stranger, shown(await asks())).catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind });
    if (typeof says === "string") expect((failed as Error).message).toBe(says);
    else expect((failed as Error).message).toMatch(says);
  });

  function shown(overrides: Partial<IssueRequest> = {}): IssueRequest {
    return joining({
      joinToken: "",
      csr: fresh.csr,
      expiredCertificate: joined.certificate,
      expiredProof: Buffer.from(pki.prove(request.key, fresh.csr)),
      ...overrides,
    });
  }
});

describe("removed nodes", () => {
  test("are known until their certificate has run out", async () => {
    const joined = await ca.issue(stranger, joining());
    const removed = new RemovedNodes(memory.store);
    expect(removed.has(joined.nodeId)).toBe(false);
    await remove(joined.nodeId);
    expect(removed.has(joined.nodeId)).toBe(true);

    const stop = new AbortController();
    const running = ca.run(stop.signal).catch((error: unknown) => error);
    await memory.clock.advance(89 * dayMs);
    expect(removed.has(joined.nodeId)).toBe(true);
    await memory.clock.advance(1 * dayMs + 3_600_000);
    expect(removed.has(joined.nodeId)).toBe(false);
    expect(memory.store.cluster?.removedNodes).toEqual([]);
    stop.abort(new Error("enough"));
    expect(await running).toMatchObject({ message: "enough" });
  });

  test("without a recorded certificate are kept for the default validity", () => {
    const cluster = withRemovedNode(aCluster(), aNode({ id: "n" }), 1_000);
    expect(cluster.removedNodes).toEqual([{ nodeId: "n", until: wallTime(1_000 + 90 * dayMs) }]);
  });

  test("that can be forgotten go when the next is removed", () => {
    const first = aNode({ id: "a", node: { certificate: { fingerprint: "", notAfter: wallTime(2_000) } } });
    const cluster = withRemovedNode(withRemovedNode(aCluster(), first, 1_000), aNode({ id: "b" }), 2_000);
    expect(cluster.removedNodes.map(({ nodeId }) => nodeId)).toEqual(["b"]);
  });
});

function newCa(withPki: Pki, random: Random = memory.random): Ca {
  const { store, writer, clock, metrics } = memory;
  return new Ca({}, { store, writer, clock, random, metrics, log: recording(lines), pki: withPki });
}

function joining(overrides: Partial<IssueRequest> = {}): IssueRequest {
  return { ...IssueRequest.fromPartial({ csr: request.csr, joinToken: tokenOf("worker") }), ...overrides };
}

function tokenOf(kind: "worker" | "manager"): string {
  return memory.store.cluster?.rootCa?.joinTokens?.[kind] ?? "";
}

async function writeCluster({ nodeExpiryMs }: { nodeExpiryMs: number }): Promise<void> {
  await memory.writer.update((tx) => {
    const cluster = tx.cluster;
    if (!cluster) return;
    const ca = {
      nodeCertExpiry: wallTime(nodeExpiryMs),
      externalCas: [],
      signingCaCert: "",
      signingCaKey: "",
      forceRotate: 0,
    };
    tx.put("cluster", { ...cluster, spec: { ...cluster.spec, ca } as never });
  });
}

async function remove(nodeId: string): Promise<void> {
  await memory.writer.update((tx) => {
    const [cluster, node] = [tx.cluster, tx.table("node").get(nodeId)];
    if (!cluster || !node) return;
    tx.put("cluster", withRemovedNode(cluster, node, memory.clock.now()));
    tx.delete("node", nodeId);
  });
}

function rotated(old: string, tx: Parameters<Parameters<MemoryStore["writer"]["update"]>[0]>[0]): void {
  const cluster = tx.cluster;
  if (!cluster?.rootCa?.joinTokens) return;
  const joinTokens = { ...cluster.rootCa.joinTokens, worker: `${old.slice(0, -1)}_` };
  tx.put("cluster", { ...cluster, rootCa: { ...cluster.rootCa, joinTokens } });
}

function recording(into: LogFields[]): Log {
  const line = (message: string, fields: LogFields = {}): void => void into.push({ message, ...fields });
  const log: Log = { debug: line, info: line, warn: line, error: line, with: () => log };
  return log;
}
