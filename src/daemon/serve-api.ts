// The API of this node on its sockets, bound to the node, its engine and its status.

import { readFileSync } from "node:fs";
import { type ListenAddress as ApiAddress, type ApiServer, createApiServer } from "../api/host/index.js";
import { type MetricsRegistry, systemRandom } from "../base/host/index.js";
import { type Clock, type Log, messageOf, newId, SwarmError } from "../base/index.js";
import { type DockerEngine, type EmbeddedEngine, type EngineAddress, handleEmbedded } from "../engine/index.js";
import { explain, plan } from "../manager/insight/index.js";
import { nextTurn } from "../raft/host/index.js";
import type { DaemonOptions, ListenAddress } from "./flags.js";
import type { LocalNode } from "./node.js";
import { clearSocketPath } from "./sockets.js";
import { systemStatus } from "./status.js";

export interface ApiParts {
  readonly address: EngineAddress;
  readonly engine: DockerEngine | EmbeddedEngine;
  readonly node: LocalNode;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
}

export type Api = Pick<ApiServer, "answer" | "close">;

/** Listens on every address the flags name, or on none. */
export async function serveApi(options: DaemonOptions, parts: ApiParts): Promise<Api> {
  const { address, engine, node, version, clock, log, metrics } = parts;
  for (const host of options.hosts) if (host.kind === "unix") await clearSocketPath(host.path);
  const engineAddress = options.engine;
  const server = createApiServer(
    { listen: options.hosts.map(withTlsTexts), version, nodeName: options.name },
    {
      ...{ node, clock, log, metrics },
      engine: apiEngine(options.engine, address, engine),
      newId: () => newId(systemRandom),
      insight: { explain, plan: (control, wish, nowMs) => plan(control, wish, nowMs, () => new Promise(nextTurn)) },
      status: () =>
        systemStatus({
          ...{ name: options.name, version, engine, engineAddress, clock },
          state: () => node.state(),
          member: () => node.member,
        }),
    },
  );
  for (const listening of await server.listen()) log.info("API listening", { address: listening });
  return server;
}

function apiEngine(text: string, address: EngineAddress, engine: DockerEngine | EmbeddedEngine) {
  switch (address.kind) {
    case "unix":
      return { kind: "socket", path: address.path } as const;
    case "tcp":
      return { kind: "tcp", host: address.host, port: address.port } as const;
    case "embedded":
      return {
        kind: "handler",
        address: text,
        handle: (request: Parameters<typeof handleEmbedded>[1]) => handleEmbedded(engine as EmbeddedEngine, request),
      } as const;
    default:
      return address satisfies never;
  }
}

/** The API takes the texts of the files the flags name. */
function withTlsTexts(address: ListenAddress): ApiAddress {
  if (address.kind === "unix") return address;
  const { kind, host, port, tls } = address;
  if (tls === undefined) return { kind, host, port };
  return { kind, host, port, tls: { ca: pem(tls.ca), cert: pem(tls.cert), key: pem(tls.key) } };
}

function pem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new SwarmError("InvalidArgument", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
