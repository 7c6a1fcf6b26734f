// The first transaction of a swarm: its cluster row, its first node, and the networks every node has.

import { newId, type Random } from "../base/index.js";
import { Cluster, type ManagerMember, Node, NodeState } from "../gen/skep/v1/objects.js";
import { type ClusterSpec, type NodeAvailability, NodeRole } from "../gen/skep/v1/specs.js";
import type { Writer } from "../store/index.js";
import type { NewCluster } from "./ca/index.js";
import { predefinedNetworks } from "./control/index.js";

/** What `swarm init` decided. */
export interface NewSwarm {
  readonly cluster: NewCluster;
  readonly spec: ClusterSpec;
  readonly availability: NodeAvailability;
  readonly hostname: string;
  readonly defaultAddressPool: readonly string[];
  readonly subnetSize: number;
  readonly dataPathPort: number;
}

/** The format level of a new swarm (architecture, "Formats"). */
const level = 1;

/** `manager` is this manager's place in the consensus. */
export async function bootstrapSwarm(
  swarm: NewSwarm,
  manager: ManagerMember,
  writer: Writer,
  random: Random,
): Promise<void> {
  const { cluster, spec, availability, hostname, defaultAddressPool, subnetSize, dataPathPort } = swarm;
  await writer.update((tx) => {
    tx.put(
      "cluster",
      Cluster.fromPartial({
        ...{ id: cluster.clusterId, spec, rootCa: cluster.rootCa, level },
        ...{ defaultAddressPool, subnetSize, dataPathPort },
        ...(cluster.unlockKey && { unlockKey: { key: Buffer.from(cluster.unlockKey), version: tx.revision + 1 } }),
      }),
    );
    tx.put(
      "node",
      Node.fromPartial({
        id: cluster.nodeId,
        spec: { annotations: { name: "", labels: {} }, desiredRole: NodeRole.MANAGER, availability },
        specVersion: tx.revision + 1,
        description: { hostname },
        status: { state: NodeState.UNKNOWN },
        role: NodeRole.MANAGER,
        certificate: cluster.nodeCertificate,
        manager,
      }),
    );
    for (const network of predefinedNetworks(() => newId(random))) tx.put("network", network);
  });
}
