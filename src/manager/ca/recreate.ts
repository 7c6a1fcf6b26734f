// A swarm out of a backup, before there is a store to write to: its root and its id stay, its one manager gets a new key and
// a certificate from that root.

import { invariant, millis, wallTime } from "../../base/index.js";
import type { Cluster } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { CreateClusterWorld, NewCluster } from "./create.js";
import { nodeProfile } from "./profile.js";
import { certificateExpiry } from "./rotate.js";
import { unlockKeyOf } from "./unlock.js";

/** Writes nothing. `nodeId` is the manager's, as it was. */
export async function recreateCluster(
  cluster: Cluster,
  nodeId: string,
  { clock, pki }: Pick<CreateClusterWorld, "clock" | "pki">,
): Promise<NewCluster> {
  const { id: clusterId, rootCa } = cluster;
  invariant(rootCa, "a backup that was read has a root");
  const request = await pki.createRequest();
  const expiryMs = millis(certificateExpiry(cluster));
  const profile = nodeProfile({ nodeId, clusterId, role: NodeRole.MANAGER, nowMs: clock.now(), expiryMs });
  const issued = await pki.issue(rootCa, request.csr, profile);
  return {
    ...{ clusterId, nodeId, rootCa },
    nodeCertificate: { fingerprint: issued.fingerprint, notAfter: wallTime(issued.notAfterMs) },
    unlockKey: unlockKeyOf(cluster),
    credentials: { root: rootCa.certificate, certificate: issued.certificate, key: request.key },
  };
}
