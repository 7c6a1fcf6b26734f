// The networks a service may name. Until overlay networks are built these are Docker's own three on every node.

import { rpcError, SwarmError } from "../../base/index.js";
import { Network } from "../../gen/skep/v1/objects.js";
import type { NetworkAttachmentConfig, ServiceSpec } from "../../gen/skep/v1/specs.js";
import type { View } from "../../store/index.js";

/** Rows every new cluster starts with; `newId` makes their ids. */
export function predefinedNetworks(newId: () => string): readonly Network[] {
  return ["bridge", "host", "none"].map((name) =>
    Network.fromPartial({ id: newId(), name, driver: name === "none" ? "null" : name, predefined: true }),
  );
}

/** The spec with the networks it names replaced by their ids. */
export function withNetworkIds(view: View, spec: ServiceSpec): ServiceSpec {
  const networks = spec.task?.networks ?? [];
  if (spec.task === undefined || networks.length === 0) return spec;
  return { ...spec, task: { ...spec.task, networks: networks.map((network) => withId(view, network)) } };
}

function withId(view: View, attachment: NetworkAttachmentConfig): NetworkAttachmentConfig {
  return { ...attachment, target: findNetwork(view, attachment.target).id };
}

export function findNetwork(view: View, target: string): Network {
  const table = view.table("network");
  const network = table.get(target) ?? [...table.by("name", target)][0];
  if (network !== undefined) return network;
  if (target === "ingress") {
    throw rpcError("InvalidArgument", `Service cannot be explicitly attached to the ingress network "ingress"`);
  }
  throw new SwarmError(
    "Unimplemented",
    `network ${target} not found: overlay networks are not built yet; use network host, bridge or none, and publish with mode=host`,
  );
}
