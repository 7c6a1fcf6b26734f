// Daemons without their sockets, in this process: whole nodes, each on a folder and a port of its own, calling each other.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InitOptions, JoinOptions } from "../../src/api/index.js";
import { openDisk, systemClock, systemRandom } from "../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import { LocalNode } from "../../src/daemon/node.js";
import { MemberStarter } from "../../src/daemon/start.js";
import { openState, type State } from "../../src/daemon/state.js";
import { openEngine, parseEngineAddress } from "../../src/engine/index.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { initialClusterSpec } from "../../src/model/index.js";
import { pki } from "./pki.js";

export class LocalNodes {
  /** Those that were started, stopped ones included. */
  readonly all: TestNode[] = [];
  readonly #folders: string[] = [];

  /** A daemon on a new folder, or on the one another was on. `stateOf` may put something between it and its folder. */
  async start(folder?: string, stateOf: (state: State) => State = (state) => state): Promise<TestNode> {
    const place = folder ?? mkdtempSync(join(tmpdir(), "skep-node-"));
    this.#folders.push(place);
    const node = await TestNode.start(place, stateOf);
    this.all.push(node);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((node) => node.stop()));
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

export class TestNode {
  readonly node: LocalNode;
  readonly folder: string;
  readonly addr: string;
  readonly #state: State;
  #isStopped = false;

  private constructor(node: LocalNode, folder: string, addr: string, state: State) {
    this.node = node;
    this.folder = folder;
    this.addr = addr;
    this.#state = state;
  }

  static async start(folder: string, stateOf: (state: State) => State): Promise<TestNode> {
    const opened = await openState(folder, process.pid);
    const state = stateOf(opened);
    const [clock, random, log] = [systemClock, systemRandom, silentLog];
    const engine = openEngine(parseEngineAddress("embedded:"), { clock, random });
    const modules = { state, disk: openDisk(folder), engine, pki, clock, random, log, metrics: silentMetrics };
    const starter = new MemberStarter(
      { name: folder.slice(-6), version: "0.1.0", bootId: "boot", onFatal: () => {} },
      { ...modules, answer: () => Promise.resolve({ notLeading: true }) },
    );
    const node = new LocalNode({ state, starter, version: "0.1.0", clock, log });
    return new TestNode(node, folder, `127.0.0.1:${await freePort()}`, opened);
  }

  init(options: Partial<InitOptions> = {}): Promise<string> {
    return this.node.init({
      ...{ listenAddr: this.addr, advertiseAddr: this.addr, dataPathAddr: "", dataPathPort: 0, forceNewCluster: false },
      ...{ availability: NodeAvailability.ACTIVE, defaultAddressPool: [], subnetSize: 0, spec: initialClusterSpec() },
      ...options,
    });
  }

  /** Joins the swarm `door` is a manager of. */
  join(door: TestNode, role: "manager" | "worker", options: Partial<JoinOptions> = {}): Promise<void> {
    const tokens = door.node.localControl()?.view.cluster?.rootCa?.joinTokens;
    return this.node.join({
      ...{ listenAddr: this.addr, advertiseAddr: this.addr, dataPathAddr: "", remoteAddrs: [door.addr] },
      ...{ joinToken: tokens?.[role] ?? "", availability: NodeAvailability.ACTIVE, ...options },
    });
  }

  /** As a kill, as far as others can tell: nobody is told, and the folder is free for the next one. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.node.stop();
    await this.#state.close();
  }
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
