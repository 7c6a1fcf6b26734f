import { apiVersionMax } from "../bounds.js";
import type { EngineInfo } from "../engine.js";
import type { EmbeddedOptions } from "./options.js";

/** Says what it is: no engine of Docker's has this version. */
export const embeddedVersion = "0.1.0-embedded";

const gib = 1024 ** 3;

export function embeddedInfo(id: string, options: EmbeddedOptions): EngineInfo {
  return {
    id,
    hostname: options.hostname ?? "embedded",
    version: embeddedVersion,
    apiVersion: apiVersionMax,
    architecture: "x86_64",
    os: "linux",
    nanoCpus: (options.cpus ?? 4) * 1e9,
    memoryBytes: options.memoryBytes ?? 8 * gib,
    labels: options.labels ?? {},
    plugins: [
      { type: "Volume", name: "local" },
      ...["bridge", "host", "null"].map((name) => ({ type: "Network", name })),
      ...["json-file", "none"].map((name) => ({ type: "Log", name })),
    ],
    genericResources: options.genericResources ?? [],
    inSwarm: false,
  };
}
