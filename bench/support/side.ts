// The two that are compared. Both are driven over Docker's HTTP API on a unix socket; they differ in how a host comes to
// have one, and in nothing else.

import { rmSync } from "node:fs";
import type { DockerHttp, Host } from "../../test/e2e/support/index.js";

export interface Side {
  readonly name: string;
  /** The socket a client of the cluster talks to on this host. */
  http(host: Host): DockerHttp;
  /** Whatever must run on a host before it can init or join. */
  prepare(host: Host): Promise<void>;
  /** Leaves nothing of the cluster on the host. */
  clear(host: Host): Promise<void>;
}

/** Docker's own swarm mode, inside the engines. */
export const docker: Side = {
  name: "docker",
  http: (host) => host.engine.http,
  prepare: async () => {},
  async clear(host) {
    await host.engine.http.post("/swarm/leave?force=1");
    await removeContainers(host);
  },
};

/** Skep on the same engines, which are in no swarm then. */
export const skep: Side = {
  name: "skep",
  http: (host) => host.daemon.http,
  async prepare(host) {
    await host.startDaemon();
  },
  async clear(host) {
    await host.daemon.http.post("/swarm/leave?force=1").catch(() => undefined);
    await host.killDaemon("SIGTERM");
    rmSync(host.daemon.dataFolder, { recursive: true, force: true });
    await removeContainers(host);
  },
};

/** What one side failed to remove must not weigh on the other. */
async function removeContainers(host: Host): Promise<void> {
  const { json } = await host.engine.http.ok("GET", "/containers/json?all=1");
  for (const { Id } of json as readonly { readonly Id: string }[]) {
    await host.engine.http.delete(`/containers/${Id}?force=1&v=1`);
  }
}
