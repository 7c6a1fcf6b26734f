// Which host ports a container gets at its start.

import { SwarmError } from "../../base/index.js";
import type { CreateContainer, PublishedPort } from "../engine.js";

/** The kernel's range of free ports, as Docker uses it. */
const ephemeral = { first: 32_768, last: 60_999 } as const;

/** One taken port: `tcp/8080`. */
export function portKey(port: Pick<PublishedPort, "protocol" | "publishedPort">): string {
  return `${port.protocol}/${port.publishedPort}`;
}

/**
 * The published ports of a container, free ones filled in from `nextFree` on (the engine counts upwards). A taken port
 * is refused in Docker's words.
 */
export function grantPorts(
  name: string,
  config: CreateContainer,
  isTaken: (key: string) => boolean,
  nextFree: number,
): { readonly ports: readonly PublishedPort[]; readonly nextFree: number } {
  const ports: PublishedPort[] = [];
  let next = nextFree;
  for (const [target, bindings] of Object.entries(config.HostConfig.PortBindings ?? {})) {
    const { protocol, targetPort } = parseTarget(target);
    for (const { HostPort } of bindings) {
      const isFree = (port: number): boolean =>
        !isTaken(portKey({ protocol, publishedPort: port })) && !ports.some((each) => each.publishedPort === port);
      if (HostPort === "" || HostPort === "0") next = firstFree(next, isFree);
      const publishedPort = Number(HostPort) || next;
      if (!isFree(publishedPort)) throw allocated(name, publishedPort);
      ports.push({ protocol, targetPort, publishedPort });
    }
  }
  return { ports, nextFree: next };
}

export const firstEphemeralPort: number = ephemeral.first;

function parseTarget(target: string): { protocol: PublishedPort["protocol"]; targetPort: number } {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(target);
  if (!match) throw new SwarmError("InvalidArgument", `invalid port specification: ${JSON.stringify(target)}`);
  return { protocol: (match[2] ?? "tcp") as PublishedPort["protocol"], targetPort: Number(match[1]) };
}

function firstFree(from: number, isFree: (port: number) => boolean): number {
  for (let step = 0; step <= ephemeral.last - ephemeral.first; step++) {
    const port = ephemeral.first + ((from - ephemeral.first + step) % (ephemeral.last - ephemeral.first + 1));
    if (isFree(port)) return port;
  }
  throw new SwarmError("Unknown", "all ports are allocated");
}

function allocated(name: string, port: number): SwarmError {
  const why = `Bind for 0.0.0.0:${port} failed: port is already allocated`;
  return new SwarmError("Unknown", `driver failed programming external connectivity on endpoint ${name}: ${why}`);
}
