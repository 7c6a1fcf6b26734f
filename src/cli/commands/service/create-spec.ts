// From create's flags to the spec docker's CLI would send, field by field in its order.
import type {
  ConfigReference,
  ContainerSpec,
  NetworkAttachmentConfig,
  SecretReference,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
} from "../../../api/types.js";
import { CliError } from "../../errors.js";
import { list, text, uint } from "../../flags/basic.js";
import {
  checkDomain,
  checkEnv,
  checkHost,
  checkIp,
  checkLabel,
  placementPreferences,
  ulimits,
} from "../../flags/checks.js";
import type { FlagValues } from "../../flags/flag.js";
import { mounts } from "../../flags/mount.js";
import { keyValues, sortedRecord } from "../../flags/pairs.js";
import { ports } from "../../flags/publish.js";
import { fileReferences, networkReferences } from "../../flags/references.js";
import { capabilitiesToCreate } from "./capabilities.js";
import { hostEntry } from "./container-lists.js";
import { commonFlags, genericResourceCheck } from "./flags.js";
import { genericResources } from "./generic-resources.js";
import { privilegesOf } from "./references.js";
import { healthcheckOf, nonEmpty, restartPolicyOf, updateConfigOf, withoutZeros } from "./rollout.js";

export const createFlags = {
  ...commonFlags(true),
  config: fileReferences("config", "Specify configurations to expose to the service"),
  constraint: list("Placement constraints"),
  "container-label": list("Container labels", {}, checkLabel),
  dns: list("Set custom DNS servers", {}, checkIp),
  "dns-option": list("Set DNS options"),
  "dns-search": list("Set custom DNS search domains", {}, checkDomain),
  env: list("Set environment variables", { short: "e" }, checkEnv),
  "env-file": list("Read in a file of environment variables"),
  "generic-resource": list("User defined resources", {}, genericResourceCheck),
  group: list("Set one or more supplementary user groups for the container"),
  host: list("Set one or more custom host-to-IP mappings (host:ip)", {}, checkHost),
  label: list("Service labels", { short: "l" }, checkLabel),
  mode: text('Service mode ("replicated", "global", "replicated-job", "global-job")', { shown: '"replicated"' }),
  mount: mounts("Attach a filesystem mount to the service"),
  name: text("Service name"),
  network: networkReferences("Network attachments"),
  "placement-pref": placementPreferences("Add a placement preference"),
  publish: ports("Publish a port as a node port", { short: "p" }),
  secret: fileReferences("secret", "Specify secrets to expose to the service"),
  sysctl: list("Sysctl options"),
  ulimit: ulimits("Ulimit options"),
  replicas: uint("Number of tasks"),
};

export type CreateValues = FlagValues<typeof createFlags>;

/** What had to be asked of the daemon or read from files first. */
export interface Resolved {
  readonly env: readonly string[];
  readonly networks: readonly NetworkAttachmentConfig[];
  readonly secrets: readonly SecretReference[];
  readonly configs: readonly ConfigReference[];
}

export function createSpec(
  flags: CreateValues,
  image: string,
  args: readonly string[],
  resolved: Resolved,
): ServiceSpec {
  const mode = modeOf(flags);
  const updateConfig = updateConfigOf("update", flags);
  const rollbackConfig = updateConfigOf("rollback", flags);
  const isJob = mode.ReplicatedJob !== undefined || mode.GlobalJob !== undefined;
  if (isJob && (updateConfig ?? rollbackConfig) !== undefined) {
    throw new CliError("update and rollback configuration is not supported for jobs");
  }
  return {
    ...(flags.name ? { Name: flags.name } : {}),
    Labels: sortedRecord(keyValues(flags.label ?? [])),
    TaskTemplate: taskTemplate(flags, image, args, resolved),
    Mode: mode,
    ...(updateConfig ? { UpdateConfig: updateConfig } : {}),
    ...(rollbackConfig ? { RollbackConfig: rollbackConfig } : {}),
    EndpointSpec: {
      Mode: (flags["endpoint-mode"] ?? "vip").toLowerCase() as "vip",
      ...((flags.publish ?? []).length === 0 ? {} : { Ports: flags.publish ?? [] }),
    },
  };
}

function taskTemplate(flags: CreateValues, image: string, args: readonly string[], resolved: Resolved): TaskSpec {
  const container = containerSpec(flags, image, args, resolved);
  const restart = restartPolicyOf(flags);
  return {
    ContainerSpec: container,
    Resources: {
      Limits: withoutZeros({
        NanoCPUs: flags["limit-cpu"],
        MemoryBytes: flags["limit-memory"],
        Pids: flags["limit-pids"],
      }),
      Reservations: withoutZeros({
        NanoCPUs: flags["reserve-cpu"],
        MemoryBytes: flags["reserve-memory"],
        GenericResources: genericResources(flags["generic-resource"] ?? []),
      }),
    },
    ...(restart ? { RestartPolicy: restart } : {}),
    Placement: withoutZeros({
      Constraints: flags.constraint,
      Preferences: flags["placement-pref"]?.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } })),
      MaxReplicas: flags["replicas-max-per-node"],
    }),
    ...(resolved.networks.length === 0 ? {} : { Networks: resolved.networks }),
    ...(flags["log-driver"] ? { LogDriver: logDriver(flags["log-driver"], flags["log-opt"] ?? []) } : {}),
    ForceUpdate: 0,
  };
}

export function logDriver(
  name: string,
  options: readonly string[],
): { Name: string; Options?: Record<string, string> } {
  const pairs = nonEmpty(sortedRecord(keyValues(options)));
  return { Name: name, ...(pairs === undefined ? {} : { Options: pairs }) };
}

function containerSpec(flags: CreateValues, image: string, args: readonly string[], resolved: Resolved): ContainerSpec {
  const { added, dropped } = capabilitiesToCreate(flags["cap-add"] ?? [], flags["cap-drop"] ?? []);
  const grace = flags["stop-grace-period"];
  const spec: ContainerSpec = withoutZeros({
    Image: image,
    Labels: nonEmpty(sortedRecord(keyValues(flags["container-label"] ?? []))),
    Command: flags.entrypoint,
    Args: args,
    Hostname: flags.hostname,
    Env: resolved.env,
    Dir: flags.workdir,
    User: flags.user,
    Groups: flags.group,
    Privileges: privilegesOf(flags["credential-spec"], resolved.configs),
  });
  const rest: ContainerSpec = withoutZeros({
    StopSignal: flags["stop-signal"],
    TTY: flags.tty,
    ReadOnly: flags["read-only"],
    Mounts: flags.mount,
  });
  const last: ContainerSpec = withoutZeros({
    Healthcheck: healthcheckOf(flags),
    Hosts: (flags.host ?? []).map(hostEntry),
    DNSConfig: withoutZeros({ Nameservers: flags.dns, Search: flags["dns-search"], Options: flags["dns-option"] }),
    Secrets: resolved.secrets,
    Configs: resolved.configs,
    Isolation: flags.isolation as "default",
    Sysctls: nonEmpty(sortedRecord(keyValues(flags.sysctl ?? []))),
    CapabilityAdd: added,
    CapabilityDrop: dropped,
    Ulimits: flags.ulimit?.toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
    OomScoreAdj: flags["oom-score-adj"],
  });
  return {
    ...spec,
    Init: flags.init ?? false,
    ...rest,
    ...(grace === undefined ? {} : { StopGracePeriod: grace }),
    ...last,
  };
}

function modeOf(flags: CreateValues): ServiceMode {
  const { mode = "replicated", replicas } = flags;
  if (
    flags["max-concurrent"] !== undefined &&
    mode !== "replicated-job" &&
    ["replicated", "global", "global-job"].includes(mode)
  ) {
    throw new CliError("max-concurrent can only be used with replicated-job mode");
  }
  switch (mode) {
    case "replicated":
      return { Replicated: replicas === undefined ? {} : { Replicas: replicas } };
    case "global":
      refuseReplicas(flags);
      return { Global: {} };
    case "replicated-job":
      return { ReplicatedJob: jobCounts(replicas, flags["max-concurrent"]) };
    case "global-job":
      refuseReplicas(flags);
      return { GlobalJob: {} };
    default:
      throw new CliError(`Unknown mode: ${mode}, only replicated and global supported`);
  }
}

function refuseReplicas(flags: CreateValues): void {
  if (flags.replicas !== undefined)
    throw new CliError("replicas can only be used with replicated or replicated-job mode");
  if ((flags["replicas-max-per-node"] ?? 0) > 0) {
    throw new CliError("replicas-max-per-node can only be used with replicated or replicated-job mode");
  }
}

function jobCounts(replicas: number | undefined, maxConcurrent: number | undefined) {
  const concurrent = maxConcurrent ?? replicas;
  return {
    ...(concurrent === undefined ? {} : { MaxConcurrent: concurrent }),
    ...(replicas === undefined ? {} : { TotalCompletions: replicas }),
  };
}
