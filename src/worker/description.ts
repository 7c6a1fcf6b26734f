// What a node says of itself, from what its engine says: swarm-semantics §10.5 "Describe()".

import type { EngineInfo } from "../engine/index.js";
import type { NodeDescription, TlsInfo } from "../gen/skep/v1/objects.js";
import type { GenericResource } from "../gen/skep/v1/specs.js";

/** The daemon's part of the description. */
export interface DaemonFacts {
  /** `--name`; the engine's host name when absent. */
  readonly name?: string;
  readonly skepVersion: string;
  /** The highest format level this daemon can read. */
  readonly level: number;
  readonly tlsInfo?: TlsInfo;
  /** Why the manager on this node does not run although it should. */
  readonly managerError?: string | undefined;
}

export function describeNode(engine: EngineInfo, daemon: DaemonFacts): NodeDescription {
  return {
    hostname: daemon.name ?? engine.hostname,
    platform: { architecture: engine.architecture, os: engine.os },
    resources: {
      nanoCpus: engine.nanoCpus,
      memoryBytes: engine.memoryBytes,
      generic: engine.genericResources.map(genericResource),
    },
    engine: {
      version: engine.version,
      labels: engine.labels,
      plugins: engine.plugins.map(({ type, name }) => ({ type, name })),
    },
    tlsInfo: daemon.tlsInfo,
    skepVersion: daemon.skepVersion,
    level: daemon.level,
    managerError: daemon.managerError ?? "",
  };
}

function genericResource(resource: EngineInfo["genericResources"][number]): GenericResource {
  return "named" in resource
    ? { kind: resource.kind, amount: { $case: "named", value: resource.named } }
    : { kind: resource.kind, amount: { $case: "discrete", value: resource.discrete } };
}
