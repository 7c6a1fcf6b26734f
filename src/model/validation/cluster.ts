// What the cluster as a whole may be told (swarm-semantics §1.6 "Cluster update").

import { rpcError, SwarmError } from "../../base/index.js";
import type { ClusterSpec } from "../../gen/skep/v1/specs.js";
import { isNegative, nanosecondsOf } from "../duration.js";

/** The one name a cluster may have. */
export const clusterName = "default";

/** Certificates are renewed at half their life at the earliest; below an hour that would be all a node does. */
const certificateExpiryMin = 3_600n * 1_000_000_000n;

export function validateCluster(spec: ClusterSpec): void {
  const name = spec.annotations?.name ?? "";
  if (name !== clusterName) {
    throw new SwarmError("InvalidArgument", `swarm spec must be named "${clusterName}"`);
  }
  const expiry = spec.ca?.nodeCertExpiry;
  if (expiry !== undefined && nanosecondsOf(expiry) < certificateExpiryMin) {
    throw rpcError("InvalidArgument", "minimum certificate expiry time is: 1h0m0s");
  }
  if (isNegative(spec.dispatcher?.heartbeatPeriod)) {
    throw rpcError("InvalidArgument", "heartbeat time period cannot be a negative duration");
  }
}
