// What a client older than a field cannot have meant is dropped (docker-api.md §1.2 "Version-dependent rewriting").

import { ContainerSpec as Container, type ContainerSpec, type ServiceSpec } from "../../gen/skep/v1/specs.js";
import { type ApiVersion, isBelow } from "../version.js";

/** The spec as a client of this version can have written it. */
export function forClient(spec: ServiceSpec, version: ApiVersion): ServiceSpec {
  if (!isBelow(version, "1.46") || spec.task?.container === undefined) return spec;
  let { container, placement, resources } = spec.task;
  for (const [since, drop] of drops) if (isBelow(version, since)) container = { ...container, ...drop(container) };
  if (isBelow(version, "1.46")) container = withoutScore(container);
  if (isBelow(version, "1.40") && placement) placement = { ...placement, maxReplicas: 0 };
  if (isBelow(version, "1.41") && resources?.limits) {
    resources = { ...resources, limits: { ...resources.limits, pids: 0 } };
  }
  return { ...spec, task: { ...spec.task, container, placement, resources } };
}

const drops: readonly (readonly [string, (container: ContainerSpec) => Partial<ContainerSpec>])[] = [
  ["1.40", () => ({ sysctls: {} })],
  ["1.41", () => ({ capabilityAdd: [], capabilityDrop: [], ulimits: [] })],
  ["1.44", withoutConfinement],
  ["1.46", ({ mounts }) => ({ mounts: mounts.map((mount) => withoutOptions(mount)) })],
];

function withoutConfinement({ privileges, healthcheck }: ContainerSpec): Partial<ContainerSpec> {
  return {
    privileges: privileges && { ...privileges, seccomp: undefined, apparmor: undefined, noNewPrivileges: false },
    healthcheck: healthcheck && { ...healthcheck, startInterval: undefined },
  };
}

function withoutOptions(mount: ContainerSpec["mounts"][number]): ContainerSpec["mounts"][number] {
  return mount.tmpfs ? { ...mount, tmpfs: { ...mount.tmpfs, options: [] } } : mount;
}

function withoutScore(container: ContainerSpec): ContainerSpec {
  const { oomScoreAdj: _, ...rest } = container;
  return Container.fromPartial(rest);
}
