// Real certificates for tests: a swarm with its root, and credentials of any node of it, in force or not.

import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { createPki } from "../../src/manager/ca/host/index.js";
import { createCluster, type NewCluster, nodeProfile } from "../../src/manager/ca/index.js";
import type { CredentialSource, Credentials } from "../../src/rpc/index.js";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const pki = createPki();

export interface TestSwarm {
  readonly cluster: NewCluster;
  /** The first manager's. */
  readonly manager: Credentials;
  /** Credentials of another node. */
  node(id: string, options?: NodeOptions): Promise<Credentials>;
}

export interface NodeOptions {
  readonly role?: NodeRole;
  readonly clusterId?: string;
  /** When it was issued, relative to now; it lasts a day. */
  readonly issuedMs?: number;
}

export async function testSwarm(): Promise<TestSwarm> {
  const cluster = await createCluster({}, { clock: systemClock, random: systemRandom, pki });
  const { clusterId, nodeId, credentials } = cluster;
  return {
    cluster,
    manager: { nodeId, clusterId, role: NodeRole.MANAGER, ...credentials },
    node: (id, options = {}) => credentialsOf(cluster, id, options),
  };
}

async function credentialsOf(cluster: NewCluster, nodeId: string, options: NodeOptions): Promise<Credentials> {
  const { role = NodeRole.WORKER, clusterId = cluster.clusterId, issuedMs = 0 } = options;
  const request = await pki.createRequest();
  const nowMs = Date.now() + issuedMs;
  const profile = nodeProfile({ nodeId, clusterId, role, nowMs, expiryMs: dayMs });
  const { certificate } = await pki.issue(cluster.rootCa, request.csr, profile);
  return { nodeId, clusterId, role, root: cluster.rootCa.certificate, certificate, key: request.key };
}

/** Credentials that change when a test says so. */
export interface TestSource extends CredentialSource {
  swap(credentials: Credentials): void;
}

export function sourceOf(initial: Credentials): TestSource {
  let current = initial;
  const listeners = new Set<(credentials: Credentials) => void>();
  return {
    get current() {
      return current;
    },
    onChange: (fn) => {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    swap: (next) => {
      current = next;
      for (const fn of listeners) fn(next);
    },
  };
}
