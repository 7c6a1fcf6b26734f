// A swarm of one manager with a real HTTP API on a unix socket, on a store in memory; and a stand-in for the engine.

import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, createApiServer, type EngineAddress } from "../../src/api/host/index.js";
import type {
  ApiModules,
  InitOptions,
  JoinOptions,
  Leader,
  Logs,
  Node,
  NodeState,
  Quorum,
  RestoreOptions,
} from "../../src/api/index.js";
import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { type Clock, newId, SwarmError, silentLog, silentMetrics } from "../../src/base/index.js";
import { Cluster, Node as NodeRow, NodeState as NodeStateValue } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { Control, predefinedNetworks } from "../../src/manager/control/index.js";
import { explain, plan } from "../../src/manager/insight/index.js";
import { initialClusterSpec } from "../../src/model/index.js";
import { type Log, Store, type Writer } from "../../src/store/index.js";
import { aNode } from "../support/memory.js";
import { testCertificate } from "./certificate.js";

export const managerId = "manager000000000000000000";
export const workerId = "worker0000000000000000000";

export interface Fixture {
  readonly store: Store;
  readonly writer: Writer;
  readonly control: Control;
  readonly node: FakeNode;
  readonly socketPath: string;
  readonly server: ApiServer;
  ask(method: string, url: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON, undefined if it is none. */
  readonly json: unknown;
  /** A value inside it: `0.Version.Index`. */
  at(path: string): unknown;
}

/** A node in whatever state a test wants it. */
export class FakeNode implements Node {
  current: NodeState = {
    local: "active",
    nodeId: managerId,
    nodeAddr: "10.0.0.1",
    manager: "ready",
    managers: [{ nodeId: managerId, addr: "10.0.0.1:2377" }],
  };
  leading: Control | undefined;
  following: Leader | undefined;
  /** As a test sets them; absent as on a node that cannot do it. */
  quorum?: () => Quorum | undefined;
  localControl?: () => Control | undefined;
  logs?: () => Logs | undefined;
  readIndex?: (signal: AbortSignal) => Promise<void>;
  backup?: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  restore?: (options: RestoreOptions, backup: AsyncIterable<Uint8Array>) => Promise<string>;
  readonly calls: (readonly [string, unknown])[] = [];

  state(): NodeState {
    return this.current;
  }
  control(): Control | undefined {
    return this.leading;
  }
  leader(): Leader | undefined {
    return this.following;
  }
  async init(options: InitOptions): Promise<string> {
    this.calls.push(["init", options]);
    return managerId;
  }
  async join(options: JoinOptions): Promise<void> {
    this.calls.push(["join", options]);
  }
  async leave(force: boolean): Promise<void> {
    this.calls.push(["leave", force]);
  }
  async unlock(key: string): Promise<void> {
    this.calls.push(["unlock", key]);
    throw new SwarmError("Unauthenticated", "swarm could not be unlocked: invalid key provided");
  }
}

export interface FixtureOptions {
  /** Nobody listens there when absent. */
  readonly engine?: EngineAddress;
  readonly modules?: Partial<ApiModules>;
}

export async function apiFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), "skep-api-"));
  const socketPath = join(folder, "skep.sock");
  const leading = new AbortController();
  const { store, writer, control } = await swarmOfTwo(leading.signal);
  const node = new FakeNode();
  node.leading = control;
  const { engine: _, ...modules } = options.modules ?? {};
  const server = createApiServer(
    { version: "0.1.0", nodeName: "h1", listen: [{ kind: "unix", path: socketPath }] },
    {
      node,
      engine: options.engine ?? { kind: "socket", path: join(folder, "no-engine.sock") },
      clock: systemClock,
      log: silentLog,
      metrics: silentMetrics,
      interfaces: () => [{ name: "eth0", addresses: ["10.0.0.1"] }],
      status: async () => {
        throw new SwarmError("Unimplemented", "no status in this test");
      },
      newId: () => newId(systemRandom),
      insight: { explain, plan: (control, wish, nowMs) => plan(control, wish, nowMs, async () => undefined) },
      ...modules,
    },
  );
  await server.listen();
  return {
    store,
    writer,
    control,
    node,
    socketPath,
    server,
    ask: (method, url, body, headers) => ask(socketPath, method, url, body, headers),
    close: async () => {
      leading.abort(new Error("the test is over"));
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Time that runs thirty times as fast: for bounds of seconds. */
export const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 30,
  after: (delayMs, fn) => systemClock.after(delayMs / 30, fn),
};

/** A store with a cluster, a manager that leads and a worker. */
export async function swarmOfTwo(signal: AbortSignal) {
  const log: Log = { propose: async (data, term) => store.apply({ term, data }) };
  const store: Store = new Store({ freeze: true }, { clock: systemClock, log, metrics: silentMetrics });
  const writer = store.lead(1);
  await writer.update((tx) => {
    tx.put(
      "cluster",
      Cluster.fromPartial({
        id: newId(systemRandom),
        spec: initialClusterSpec(),
        rootCa: {
          certificate: testCertificate,
          joinTokens: { worker: `SWMTKN-1-${"a".repeat(50)}-${"b".repeat(25)}`, manager: "SWMTKN-1-manager" },
        },
      }),
    );
    tx.put("node", managerRow());
    tx.put("node", aNode({ id: workerId, hostname: "h2" }));
    for (const network of predefinedNetworks(() => newId(systemRandom))) tx.put("network", network);
  });
  const control = new Control(
    { signal },
    {
      store,
      writer,
      clock: systemClock,
      random: systemRandom,
      ca: { rotateTokens: () => undefined, settleUnlockKey: () => undefined, unlockKey: () => "" },
      membership: {
        managers: () =>
          new Map([[managerId, { addr: "10.0.0.1:2377", leader: true, reachability: "reachable" as const }]]),
      },
    },
  );
  return { store, writer, control };
}

function managerRow(): NodeRow {
  const row = aNode({ id: managerId, hostname: "h1" });
  return NodeRow.fromPartial({
    ...row,
    role: NodeRole.MANAGER,
    spec: { annotations: { labels: {} }, desiredRole: NodeRole.MANAGER },
    status: { state: NodeStateValue.READY, addr: "10.0.0.1" },
  });
}

/** One request over the socket. A body that is no string is sent as JSON. */
export function ask(
  socketPath: string,
  method: string,
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const payload =
      body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const type =
      payload === undefined
        ? {}
        : { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(payload)) };
    const outgoing = httpRequest(
      { socketPath, method, path: url, headers: { ...type, ...headers }, agent: false },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const json = parse(text);
          const at = (path: string): unknown => valueAt(json, path);
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json, at });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const name of path.split(".")) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The least body that makes a service. */
export function serviceBody(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { Name: name, TaskTemplate: { ContainerSpec: { Image: "busybox:latest" } }, ...more };
}
