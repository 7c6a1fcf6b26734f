// What Docker can and Skep cannot yet: refused by name, with what works meanwhile; never taken and then not done.

import { SwarmError } from "../../base/index.js";
import { PublishMode, type ServiceSpec } from "../../gen/skep/v1/specs.js";

const unbuiltModes: Readonly<Record<string, string>> = {
  global: "global services are",
  replicatedJob: "replicated jobs are",
  globalJob: "global jobs are",
};

export function notBuilt(what: string, instead: string): SwarmError {
  return new SwarmError("Unimplemented", `${what} not built yet: ${instead}`);
}

/** Refuses modes and ports that nothing would ever serve. */
export function refuseUnbuilt(spec: ServiceSpec): void {
  const mode = unbuiltModes[spec.mode?.$case ?? ""];
  if (mode !== undefined) throw notBuilt(mode, "use mode replicated");
  if (spec.endpoint?.ports.some((port) => port.publishMode === PublishMode.INGRESS)) {
    throw notBuilt("ports in ingress mode are", "publish with mode=host");
  }
}
