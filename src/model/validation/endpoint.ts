// The ports of one service, without regard to other services.

import { rpcError } from "../../base/index.js";
import { EndpointMode, type EndpointSpec, type PortConfig, PublishMode } from "../../gen/skep/v1/specs.js";

const portMax = 65_535;

export function validateEndpoint(endpoint: EndpointSpec | undefined): void {
  if (endpoint === undefined) return;
  for (const port of endpoint.ports) validatePort(port, endpoint.mode);
  refuseDuplicates(endpoint.ports);
}

/** Docker takes any number here and the task never starts; numbers that are no port are refused at once. */
function validatePort(port: PortConfig, mode: EndpointMode): void {
  if (mode === EndpointMode.DNSRR && port.publishMode === PublishMode.INGRESS) {
    throw invalid("port published with ingress mode can't be used with dnsrr mode");
  }
  if (port.targetPort < 1 || port.targetPort > portMax) {
    throw invalid(`target port ${port.targetPort} is not between 1 and ${portMax}`);
  }
  if (port.publishedPort > portMax) {
    throw invalid(`published port ${port.publishedPort} is not between 0 and ${portMax}`);
  }
}

function refuseDuplicates(ports: readonly PortConfig[]): void {
  const seen = new Set<string>();
  for (const { publishedPort, protocol } of ports) {
    if (publishedPort === 0) continue;
    const key = `${publishedPort}/${protocol}`;
    if (seen.has(key)) throw invalid("duplicate published ports provided");
    seen.add(key);
  }
}

function invalid(message: string) {
  return rpcError("InvalidArgument", `EndpointSpec: ${message}`);
}
