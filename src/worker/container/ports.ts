// Published ports of a task, in the engine's terms and back. Only host mode is the engine's business.

import type { PublishedPort } from "../../engine/index.js";
import { type PortConfig, PortProtocol, PublishMode } from "../../gen/skep/v1/specs.js";

type Bindings = Record<string, { readonly HostPort: string }[]>;

export function exposedPorts(ports: readonly PortConfig[]): Readonly<Record<string, Record<string, never>>> {
  return Object.fromEntries(ports.map((port) => [portKey(port), {}]));
}

/** One target may be published more than once; no published port asks for any free one. */
export function portBindings(ports: readonly PortConfig[]): Bindings {
  const bindings: Bindings = {};
  for (const port of ports) {
    if (port.publishMode !== PublishMode.HOST) continue;
    const list = bindings[portKey(port)] ?? [];
    list.push({ HostPort: port.publishedPort > 0 ? String(port.publishedPort) : "" });
    bindings[portKey(port)] = list;
  }
  return bindings;
}

/** What a task's status says of its ports: where they really are. */
export function portStatus(published: readonly PublishedPort[]): readonly PortConfig[] {
  return published.map(({ protocol, targetPort, publishedPort }) => ({
    name: "",
    protocol: protocolOf[protocol],
    targetPort,
    publishedPort,
    publishMode: PublishMode.HOST,
  }));
}

const protocolNames = {
  [PortProtocol.TCP]: "tcp",
  [PortProtocol.UDP]: "udp",
  [PortProtocol.SCTP]: "sctp",
} as const;

const protocolOf = { tcp: PortProtocol.TCP, udp: PortProtocol.UDP, sctp: PortProtocol.SCTP } as const;

function portKey(port: PortConfig): string {
  return `${port.targetPort}/${protocolNames[port.protocol]}`;
}
