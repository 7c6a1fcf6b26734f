// Where the API is reached: unix sockets for those in the docker group, TCP on loopback or behind TLS.

import { chmodSync, chownSync, readFileSync } from "node:fs";
import type { Server } from "node:net";

export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: TlsFiles };

/** PEM texts, as dockerd's --tlscacert, --tlscert and --tlskey name them. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const socketMode = 0o660;
const socketGroup = "docker";

/** Resolves with the address as clients write it, the real port filled in. */
export async function listenOn(server: Server, address: ListenAddress): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const ready = (): void => {
      server.off("error", reject);
      resolve();
    };
    if (address.kind === "unix") server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
  if (address.kind === "tcp") return `tcp://${address.host}:${portOf(server)}`;
  openToGroup(address.path);
  return `unix://${address.path}`;
}

/** As dockerd's socket: root and the docker group, where there is one. */
function openToGroup(path: string): void {
  const gid = groupId(socketGroup);
  if (gid !== undefined && process.getuid?.() === 0) chownSync(path, 0, gid);
  chmodSync(path, socketMode);
}

function groupId(name: string): number | undefined {
  try {
    const line = readFileSync("/etc/group", "utf8")
      .split("\n")
      .find((each) => each.startsWith(`${name}:`));
    return line === undefined ? undefined : Number(line.split(":")[2]);
  } catch {
    return undefined;
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
