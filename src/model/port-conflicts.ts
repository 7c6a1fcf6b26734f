// Ports are the cluster's, not a service's: who else holds one that is asked for (swarm-semantics §1.6).

import { SwarmError } from "../base/index.js";
import { type PortConfig, PublishMode } from "../gen/skep/v1/specs.js";

/** A service with the ports it asks for and those it was given. */
export interface PortHolder {
  readonly id: string;
  readonly name: string;
  readonly ports: readonly PortConfig[];
}

/**
 * Refuses ports that another service holds. An ingress port is taken on every node, so it excludes all others; two host
 * ports of one number are for the scheduler to keep apart.
 */
export function refusePortConflicts(wanted: readonly PortConfig[], others: Iterable<PortHolder>): void {
  const published = wanted.filter((port) => port.publishedPort !== 0);
  if (published.length === 0) return;
  for (const other of others) {
    for (const held of other.ports) {
      const clash = published.find((port) => conflicts(port, held));
      if (clash !== undefined) throw inUse(held, other);
    }
  }
}

function conflicts(wanted: PortConfig, held: PortConfig): boolean {
  if (wanted.publishedPort !== held.publishedPort || wanted.protocol !== held.protocol) return false;
  return wanted.publishMode === PublishMode.INGRESS || held.publishMode === PublishMode.INGRESS;
}

function inUse(held: PortConfig, holder: PortHolder): SwarmError {
  const how = held.publishMode === PublishMode.INGRESS ? "an ingress port" : "a host-published port";
  return new SwarmError(
    "InvalidArgument",
    `port '${held.publishedPort}' is already in use by service '${holder.name}' (${holder.id}) as ${how}`,
    { rpc: true },
  );
}
