// What a task asks for → what an engine creates: swarm-semantics §10.4 and §10.5, one function per part.

import { SwarmError } from "../../base/index.js";
import type { CreateContainer, HostConfig } from "../../engine/index.js";
import type { TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import { type ContainerSpec, type HealthConfig, type LogDriver } from "../../gen/skep/v1/specs.js";
import type { NodeFacts } from "./facts.js";
import { containerMounts } from "./mounts.js";
import { containerLabels } from "./names.js";
import { exposedPorts, portBindings } from "./ports.js";
import { genericEnv, resourceLimits } from "./resources.js";
import { securityOptions } from "./security.js";
import { type Expand, templatesOf } from "./templates.js";

/** @throws SwarmError when the task cannot run as asked for: it is rejected with that text. */
export function containerConfig(task: TaskAssignment, node: NodeFacts): CreateContainer {
  const spec = task.spec?.container;
  if (!spec || spec.image === "") throw new SwarmError("InvalidArgument", "dockerexec: image required");
  const expand = templatesOf(task, node);
  const ports = task.endpoint?.ports ?? [];
  const grace = graceSecondsOf(task);
  return {
    Image: spec.image,
    Labels: containerLabels(task, node),
    ...commandOf(spec),
    ...optional("Env", [...spec.env.map((entry) => expandEnv(entry, expand)), ...genericEnv(task.assignedGeneric)]),
    ...(spec.hostname !== "" && { Hostname: expand(spec.hostname) }),
    ...(spec.user !== "" && { User: spec.user }),
    ...(spec.dir !== "" && { WorkingDir: spec.dir }),
    ...(spec.tty && { Tty: true }),
    ...(spec.openStdin && { OpenStdin: true }),
    ...(spec.stopSignal !== "" && { StopSignal: spec.stopSignal }),
    ...(grace !== undefined && { StopTimeout: grace }),
    ...(spec.healthcheck && { Healthcheck: healthcheckOf(spec.healthcheck) }),
    ...optional("ExposedPorts", exposedPorts(ports)),
    HostConfig: hostConfig(task, spec, expand),
  };
}

/** Seconds a task's container is given to stop; undefined = the engine's default. Fractions count as a whole second. */
export function graceSecondsOf(task: TaskAssignment): number | undefined {
  const grace = task.spec?.container?.stopGracePeriod;
  return grace && grace.seconds + Math.ceil(grace.nanos / 1e9);
}

/** Swarm's command replaces the image's entrypoint, its args replace the image's command. */
function commandOf(spec: ContainerSpec): Pick<CreateContainer, "Entrypoint" | "Cmd"> {
  return { ...optional("Entrypoint", spec.command), ...optional("Cmd", spec.args) };
}

/** Only what stands right of the `=` is a template. */
function expandEnv(entry: string, expand: Expand): string {
  const at = entry.indexOf("=");
  return at < 0 ? entry : entry.slice(0, at + 1) + expand(entry.slice(at + 1));
}

function healthcheckOf(health: HealthConfig): NonNullable<CreateContainer["Healthcheck"]> {
  return {
    ...optional("Test", health.test),
    ...nanos("Interval", health.interval),
    ...nanos("Timeout", health.timeout),
    ...nanos("StartPeriod", health.startPeriod),
    ...nanos("StartInterval", health.startInterval),
    ...(health.retries > 0 && { Retries: health.retries }),
  };
}

function hostConfig(task: TaskAssignment, spec: ContainerSpec, expand: Expand): HostConfig {
  const mounts = containerMounts(spec.mounts, expand);
  const network = task.networks[0];
  return {
    ...(network !== undefined && { NetworkMode: network }),
    ...optional("PortBindings", portBindings(task.endpoint?.ports ?? [])),
    ...optional("Mounts", mounts.Mounts),
    ...optional("Tmpfs", mounts.Tmpfs),
    ...(spec.init !== undefined && { Init: spec.init }),
    ...(spec.readOnly && { ReadonlyRootfs: true }),
    ...optional("GroupAdd", spec.groups),
    ...optional("ExtraHosts", spec.hosts.flatMap(extraHosts)),
    ...optional("Dns", spec.dns?.nameservers ?? []),
    ...optional("DnsSearch", spec.dns?.search ?? []),
    ...optional("DnsOptions", spec.dns?.options ?? []),
    ...optional("CapAdd", spec.capabilityAdd),
    ...optional("CapDrop", spec.capabilityDrop),
    ...optional("Sysctls", spec.sysctls),
    ...optional(
      "Ulimits",
      spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    ),
    ...optional("SecurityOpt", securityOptions(spec.privileges)),
    ...(spec.oomScoreAdj !== undefined && { OomScoreAdj: spec.oomScoreAdj }),
    ...resourceLimits(task.spec?.resources),
    ...(spec.isolation !== "" && spec.isolation !== "default" && { Isolation: spec.isolation }),
    ...(task.logDriver && { LogConfig: logConfig(task.logDriver) }),
  };
}

/** `IP name [alias...]`, as in /etc/hosts → `name:ip` for the name and every alias. */
function extraHosts(entry: string): readonly string[] {
  const [ip = "", ...names] = entry.trim().split(/\s+/);
  return names.map((name) => `${name}:${ip}`);
}

function logConfig(driver: LogDriver): NonNullable<HostConfig["LogConfig"]> {
  return { Type: driver.name, Config: driver.options };
}

/** The field, unless it is empty: an empty list would override what the image or the engine says. */
function optional<K extends string, V extends object>(key: K, value: V): { [P in K]?: V } {
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  return (size > 0 ? { [key]: value } : {}) as { [P in K]?: V };
}

function nanos<K extends string>(
  key: K,
  duration: { readonly seconds: number; readonly nanos: number } | undefined,
): { [P in K]?: number } {
  return (duration ? { [key]: duration.seconds * 1e9 + duration.nanos } : {}) as { [P in K]?: number };
}
