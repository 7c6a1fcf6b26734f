import type { Clock, Random } from "../base/index.js";
import type { EngineAddress } from "./address.js";
import { DockerEngine } from "./docker/index.js";
import { EmbeddedEngine } from "./embedded/index.js";

/** The engine at an address. Nothing is asked of it yet: it may come later. */
export function openEngine(
  address: EngineAddress,
  modules: { readonly clock: Clock; readonly random: Random },
): DockerEngine | EmbeddedEngine {
  if (address.kind === "embedded") return new EmbeddedEngine(address.options, modules);
  return new DockerEngine({ address }, modules);
}
