// What the tasks of one revision ask of a node, worked out once.

import type { Node } from "../../gen/skep/v1/objects.js";
import {
  type GenericResource,
  MountType,
  type Platform,
  PublishMode,
  type ServiceSpec,
} from "../../gen/skep/v1/specs.js";
import { type Constraint, matcherOf, parseConstraints, spreadOf } from "../../model/index.js";

export interface Needs {
  readonly cpus: number;
  readonly memory: number;
  readonly generic: readonly GenericResource[];
  readonly plugins: readonly Plugin[];
  readonly constraints: readonly Constraint[];
  /** Whether a node satisfies them all. */
  readonly matches: (node: Node) => boolean;
  readonly platforms: readonly Platform[];
  /** Ports published on the host, as keys of a node's used set: "0/8080" for TCP. */
  readonly hostPorts: readonly string[];
  /** Tasks of the service a node may hold; 0: any number. */
  readonly maxReplicas: number;
  /** Label descriptors to spread over, outermost first. */
  readonly spread: readonly string[];
  /** Those of `constraints` that name the nodes they allow: `==`, of what can be looked up. */
  readonly equalities: readonly Constraint[];
  /** Equal for needs that are met by the same nodes, `maxReplicas` aside. */
  readonly classKey: string;
}

/** What is asked of a node, and for which service: its tasks count against `maxReplicas`. */
export interface Asked {
  readonly serviceId: string;
  readonly needs: Needs;
}

export interface Plugin {
  readonly type: "Volume" | "Network" | "Log";
  readonly name: string;
}

/** `networkDrivers`: of the networks the tasks join. */
export function needsOf(spec: ServiceSpec, networkDrivers: readonly string[] = []): Needs {
  const reserved = spec.task?.resources?.reservations;
  const placement = spec.task?.placement;
  const constraints = constraintsOf(placement?.constraints ?? []);
  const needs = {
    cpus: reserved?.nanoCpus ?? 0,
    memory: reserved?.memoryBytes ?? 0,
    generic: reserved?.generic ?? [],
    plugins: pluginsOf(spec, networkDrivers),
    constraints,
    matches: matcherOf(constraints),
    platforms: placement?.platforms ?? [],
    hostPorts: hostPortsOf(spec),
    maxReplicas: placement?.maxReplicas ?? 0,
    spread: spreadOf(spec),
    equalities: constraints.filter(({ key, equal }) => equal && key.toLowerCase() !== "node.ip"),
  };
  return { ...needs, classKey: classKeyOf(needs) };
}

function classKeyOf(needs: Omit<Needs, "classKey">): string {
  const { cpus, memory, generic, plugins, constraints, platforms, hostPorts, spread } = needs;
  const lists = [generic, plugins, constraints, platforms, hostPorts, spread];
  const listed = lists.some((list) => list.length > 0) ? JSON.stringify(lists) : "";
  return `${cpus} ${memory} ${listed}`;
}

function hostPortsOf(spec: ServiceSpec): readonly string[] {
  return (spec.endpoint?.ports ?? [])
    .filter((port) => port.publishMode === PublishMode.HOST && port.publishedPort !== 0)
    .map((port) => `${port.protocol}/${port.publishedPort}`);
}

/** Volume drivers but `local`, network drivers, and the task's own log driver (swarm-semantics §5.3 filter 3). */
function pluginsOf(spec: ServiceSpec, networkDrivers: readonly string[]): readonly Plugin[] {
  const volumes = (spec.task?.container?.mounts ?? [])
    .filter((mount) => mount.type === MountType.VOLUME)
    .map((mount) => mount.volume?.driver?.name ?? "")
    .filter((name) => name !== "" && name !== "local");
  const log = spec.task?.logDriver?.name ?? "";
  return [
    ...volumes.map((name) => ({ type: "Volume", name }) as const),
    ...networkDrivers.filter((name) => name !== "").map((name) => ({ type: "Network", name }) as const),
    ...(log === "" || log === "none" ? [] : [{ type: "Log", name: log } as const]),
  ];
}

/** Control refuses constraints that do not parse; one that got through disables them all, as Docker's does. */
function constraintsOf(expressions: readonly string[]): readonly Constraint[] {
  try {
    return parseConstraints(expressions);
  } catch {
    return [];
  }
}
