// A control of one term over a store in memory.

import { newId } from "../../../src/base/index.js";
import { Cluster } from "../../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import {
  type CertificateAuthority,
  Control,
  type ManagerStatus,
  predefinedNetworks,
  type UpdateOptions,
} from "../../../src/manager/control/index.js";
import { initialClusterSpec } from "../../../src/model/index.js";
import { aNode, type MemoryStore, memoryStore } from "../../support/memory.js";

export interface Controlled extends MemoryStore {
  readonly control: Control;
  readonly rotated: unknown[];
  /** A request id nobody used before. */
  request(): string;
}

export async function controlled(): Promise<Controlled> {
  const memory = memoryStore();
  const rotated: unknown[] = [];
  const ca: CertificateAuthority = {
    rotateTokens: (_, which) => void rotated.push(which),
    settleUnlockKey: () => undefined,
    unlockKey: () => "",
  };
  const managers = new Map<string, ManagerStatus>([
    ["m1", { addr: "10.0.0.1:2377", leader: true, reachability: "reachable" }],
  ]);
  await memory.writer.update((tx) => {
    tx.put("cluster", Cluster.fromPartial({ id: "cluster", spec: initialClusterSpec() }));
    tx.put("node", aNode({ id: "m1", node: { role: NodeRole.MANAGER, spec: { desiredRole: NodeRole.MANAGER } } }));
    tx.put("node", aNode({ id: "w1", hostname: "h2" }));
    for (const network of predefinedNetworks(() => newId(memory.random))) tx.put("network", network);
  });
  const { store, writer, clock, random } = memory;
  const control = new Control(
    { signal: new AbortController().signal },
    { store, writer, clock, random, ca, membership: { managers: () => managers } },
  );
  let requests = 0;
  return { ...memory, control, rotated, request: () => `request-${(requests += 1)}` };
}

export const plain: UpdateOptions = { rollback: false, registryAuthFrom: "spec", nowMs: 1_000 };
