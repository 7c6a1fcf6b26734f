// What Docker can and Skep cannot yet: refused by name, with what works meanwhile; never taken and then not done.

import { SwarmError } from "../../base/index.js";
import { PublishMode, type ServiceSpec } from "../../gen/skep/v1/specs.js";

export function notBuilt(what: string, instead: string): SwarmError {
  return new SwarmError("Unimplemented", `${what} not built yet: ${instead}`);
}

/** Refuses ports that nothing would ever serve. */
export function refuseUnbuilt(spec: ServiceSpec): void {
  if (spec.endpoint?.ports.some((port) => port.publishMode === PublishMode.INGRESS)) {
    throw notBuilt("ports in ingress mode are", "publish with mode=host");
  }
}
