// Many nodes in one process: each has joined with the token, has a certificate and a connection of its own to the leader, the
// real worker, and an embedded engine. Only what a node remembers is kept in memory.

import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { openDisk, systemClock, systemRandom } from "../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import { Connector } from "../../src/daemon/connector.js";
import { joinSwarm } from "../../src/daemon/identity/index.js";
import { EmbeddedEngine } from "../../src/engine/embedded/index.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { createPki } from "../../src/manager/ca/host/index.js";
import { MemoryState, Worker } from "../../src/worker/index.js";
import { answerAsChild, Child } from "./child.js";

/** The argument that makes the bench's own program such a process. */
export const workerRole = "worker-process";
const joinMs = 60_000;
/** Nodes that join at once. */
const joinsMax = 2;
/** Tries of each: where many join at once, the manager may have no time for one. */
const joinTriesMax = 5;
const level = 1;

interface Start {
  readonly names: readonly string[];
  readonly folder: string;
  /** host:port of the leader. */
  readonly addr: string;
  readonly token: string;
  /** Which 127.x.0.0/16 they come from: an address may call only so often before it is known. */
  readonly subnet: number;
}

class Workers {
  readonly #nodes: { readonly worker: Worker; readonly engine: EmbeddedEngine }[] = [];

  /** Resolves once all have joined; sessions follow. */
  async start(options: Start): Promise<void> {
    const door = await doorTo(options.addr, options.subnet);
    const names = [...options.names];
    const joinAll = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        await this.#joinAtLast(name, door, options);
      }
    };
    await Promise.all(Array.from({ length: joinsMax }, joinAll));
  }

  /** Nodes with a session, and containers that run. */
  counts(): { readonly connected: number; readonly running: number } {
    let [connected, running] = [0, 0];
    for (const { worker, engine } of this.#nodes) {
      connected += Number(worker.isConnected);
      for (const { phase } of engine.machines) running += Number(phase.kind === "running");
    }
    return { connected, running };
  }

  async #joinAtLast(name: string, door: string, options: Start): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#join(name, door, options);
      } catch (error) {
        if (tries === joinTriesMax) throw error;
      }
    }
  }

  async #join(name: string, door: string, { folder, addr, token }: Start): Promise<void> {
    const world = { clock: systemClock, random: systemRandom, log: silentLog };
    const { identity } = await joinSwarm(
      {
        ...{ remoteAddrs: [door], token, availability: NodeAvailability.ACTIVE, hostname: name },
        signal: AbortSignal.timeout(joinMs),
      },
      { ...world, disk: openDisk(join(folder, name)), pki },
    );
    const engine = new EmbeddedEngine({ hostname: name }, world);
    const connector = new Connector([addr], {
      ...{ clock: systemClock, random: systemRandom, credentials: () => identity.current, local: () => undefined },
      ...{ own: () => ({ addr: "", leaderAddr: "" }), changed: () => undefined },
    });
    const { nodeId, clusterId } = identity;
    const worker = new Worker(
      { nodeId, clusterId, bootId: "boot", advertiseAddr: "127.0.0.1" },
      {
        ...{ ...world, engine, state: new MemoryState(), metrics: silentMetrics },
        connect: (signal, patience) => connector.connect(signal, patience),
        daemonFacts: () => ({ name, skepVersion: "bench", level, tlsInfo: identity.tlsInfo }),
        stateChanged: ({ managers }) => connector.managersAre(managers),
        leaderIs: (leader) => connector.leaderIs(leader),
        removed: (message) => console.error(`${name}: ${message}`),
      },
    );
    this.#nodes.push({ worker, engine });
    // A signal of its own, as in a process of its own: one of hundreds is slow to listen to.
    worker.run(new AbortController().signal).catch((error: unknown) => console.error(`${name} broke`, error));
  }
}

const pki = createPki();

/** A way to the manager on which each connection comes from another address. */
async function doorTo(addr: string, subnet: number): Promise<string> {
  const port = Number(addr.slice(addr.lastIndexOf(":") + 1));
  let number = 0;
  const server = net.createServer((client) => {
    number += 1;
    const localAddress = `127.${subnet}.${number >> 8}.${number & 255}`;
    const target = net.connect({ host: "127.0.0.1", port, localAddress });
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("error", end).on("close", end);
    client.pipe(target).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  return `127.0.0.1:${bound !== null && typeof bound === "object" ? bound.port : 0}`;
}

/** In the child. */
export function runWorkerProcess(): void {
  const workers = new Workers();
  answerAsChild({ start: (options: Start) => workers.start(options), counts: () => workers.counts() });
}

type WorkerCalls = {
  readonly start: (options: Start) => Promise<void>;
  readonly counts: () => ReturnType<Workers["counts"]>;
};

/** In the bench. */
export function workerProcess(nodeFlags: readonly string[] = []): Child<WorkerCalls> {
  return new Child<WorkerCalls>(workerRole, nodeFlags);
}
