// A service's spec, edited as update's flags say; what no flag names stays as it came.
import type {
  ConfigReference,
  ContainerSpec,
  Mount,
  NetworkAttachmentConfig,
  Placement,
  ResourceRequirements,
  SecretReference,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
} from "../../../api/types.js";
import { CliError } from "../../errors.js";
import { keyValues } from "../../flags/pairs.js";
import { capabilitiesToUpdate } from "./capabilities.js";
import { changedEnv, changedHosts, changedRecord, changedSet } from "./container-lists.js";
import { logDriver } from "./create-spec.js";
import { genericResources } from "./generic-resources.js";
import { privilegesOf } from "./references.js";
import { healthcheckOf, nonEmpty, restartPolicyOf, updateConfigOf, withoutZeros } from "./rollout.js";
import type { UpdateValues } from "./update-flags.js";
import { changedPorts } from "./update-ports.js";

/** Looked up beforehand; undefined leaves the spec's own. */
export interface UpdateResolved {
  readonly networks?: readonly NetworkAttachmentConfig[];
  readonly secrets?: readonly SecretReference[];
  readonly configs?: readonly ConfigReference[];
}

export function updatedSpec(spec: ServiceSpec, flags: UpdateValues, resolved: UpdateResolved): ServiceSpec {
  const { Networks: deprecated, ...rest } = spec;
  const update = updateConfigOf("update", flags, spec.UpdateConfig);
  const rollback = updateConfigOf("rollback", flags, spec.RollbackConfig);
  const endpoint = endpointSpec(spec, flags);
  return ordered<ServiceSpec>(serviceOrder, {
    ...rest,
    ...(deprecated && resolved.networks === undefined ? { Networks: deprecated } : {}),
    Labels: changedRecord(spec.Labels ?? {}, keyValues(flags["label-add"] ?? []), flags["label-rm"] ?? []),
    TaskTemplate: taskTemplate(spec.TaskTemplate, flags, resolved),
    Mode: modeOf(spec.Mode, flags),
    ...(update ? { UpdateConfig: update } : {}),
    ...(rollback ? { RollbackConfig: rollback } : {}),
    ...(endpoint === undefined ? {} : { EndpointSpec: endpoint }),
  });
}

function modeOf(mode: ServiceMode, flags: UpdateValues): ServiceMode {
  if (flags.replicas === undefined) return mode;
  if (!mode.Replicated) throw new CliError("replicas can only be used with replicated mode");
  return { Replicated: { Replicas: flags.replicas } };
}

function endpointSpec({ EndpointSpec: spec }: ServiceSpec, flags: UpdateValues): ServiceSpec["EndpointSpec"] {
  const added = flags["publish-add"];
  const removed = flags["publish-rm"];
  const mode = flags["endpoint-mode"];
  if ((added ?? removed ?? mode) === undefined) return spec ?? undefined;
  const ports =
    (added ?? removed) === undefined ? spec?.Ports : changedPorts(spec?.Ports ?? [], added ?? [], removed ?? []);
  return withoutZeros({ Mode: (mode as "vip" | undefined) ?? spec?.Mode, Ports: ports });
}

function taskTemplate(task: TaskSpec, flags: UpdateValues, resolved: UpdateResolved): TaskSpec {
  const restart = restartPolicyOf(flags, task.RestartPolicy);
  const { Networks: before, LogDriver: driver, ...rest } = task;
  const networks = resolved.networks ?? before ?? [];
  // As docker does it: an empty driver changes nothing, and options alone neither.
  const log = flags["log-driver"] ? logDriver(flags["log-driver"], flags["log-opt"] ?? []) : driver;
  return ordered<TaskSpec>(taskOrder, {
    ...rest,
    ContainerSpec: containerSpec(task.ContainerSpec ?? {}, flags, resolved),
    ...resourcesOf(task, flags),
    ...(restart ? { RestartPolicy: restart } : {}),
    ...placementOf(task, flags),
    ...(networks.length === 0 ? {} : { Networks: networks }),
    ...(log ? { LogDriver: log } : {}),
    ForceUpdate: (task.ForceUpdate ?? 0) + (flags.force === true ? 1 : 0),
  });
}

function resourcesOf(
  { Resources: before }: TaskSpec,
  flags: UpdateValues,
): { readonly Resources?: ResourceRequirements } {
  const limited = flags["limit-cpu"] ?? flags["limit-memory"] ?? flags["limit-pids"];
  const reserved =
    flags["reserve-cpu"] ?? flags["reserve-memory"] ?? flags["generic-resource-add"] ?? flags["generic-resource-rm"];
  if ((limited ?? reserved) === undefined) return before ? { Resources: before } : {};
  const limits = withoutZeros({
    NanoCPUs: flags["limit-cpu"] ?? before?.Limits?.NanoCPUs,
    MemoryBytes: flags["limit-memory"] ?? before?.Limits?.MemoryBytes,
    Pids: flags["limit-pids"] ?? before?.Limits?.Pids,
  });
  const reservations = withoutZeros({
    NanoCPUs: flags["reserve-cpu"] ?? before?.Reservations?.NanoCPUs,
    MemoryBytes: flags["reserve-memory"] ?? before?.Reservations?.MemoryBytes,
    GenericResources: changedGeneric(before?.Reservations?.GenericResources ?? [], flags),
  });
  return {
    Resources: {
      ...before,
      ...(limited !== undefined || before?.Limits ? { Limits: limits } : {}),
      ...(reserved !== undefined || before?.Reservations ? { Reservations: reservations } : {}),
    },
  };
}

type Generic = ReturnType<typeof genericResources>;

function changedGeneric(before: Readonly<Generic>, flags: UpdateValues): Generic {
  const byKind = new Map(before.map((resource) => [resource.DiscreteResourceSpec?.Kind ?? "", resource]));
  for (const added of genericResources(flags["generic-resource-add"] ?? []))
    byKind.set(added.DiscreteResourceSpec?.Kind ?? "", added);
  for (const kind of flags["generic-resource-rm"] ?? []) {
    if (!byKind.delete(kind)) throw new CliError(`could not find generic-resource \`${kind}\` to remove it`);
  }
  return [...byKind.values()];
}

function placementOf({ Placement: before }: TaskSpec, flags: UpdateValues): { readonly Placement?: Placement } {
  const {
    "constraint-add": add,
    "constraint-rm": rm,
    "placement-pref-add": prefer,
    "placement-pref-rm": unprefer,
  } = flags;
  const max = flags["replicas-max-per-node"];
  if ((add ?? rm ?? prefer ?? unprefer ?? max) === undefined) return before ? { Placement: before } : {};
  const constraints =
    (add ?? rm) === undefined ? before?.Constraints : changedSet(before?.Constraints ?? [], add ?? [], rm ?? []);
  const kept = (before?.Preferences ?? []).filter(({ Spread }) => !unprefer?.includes(Spread?.SpreadDescriptor ?? ""));
  const fresh = (prefer ?? []).filter((descriptor) =>
    kept.every(({ Spread }) => Spread?.SpreadDescriptor !== descriptor),
  );
  return {
    Placement: withoutZeros({
      Constraints: constraints,
      Preferences: [...kept, ...fresh.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } }))],
      MaxReplicas: max ?? before?.MaxReplicas,
      Platforms: before?.Platforms,
    }),
  };
}

function containerSpec(spec: ContainerSpec, flags: UpdateValues, resolved: UpdateResolved): ContainerSpec {
  const edited: ContainerSpec = {
    ...spec,
    ...replaced(spec, flags),
    ...lists(spec, flags),
    ...(resolved.secrets === undefined ? {} : { Secrets: resolved.secrets }),
    ...(resolved.configs === undefined ? {} : { Configs: resolved.configs }),
    ...(flags["credential-spec"] === undefined
      ? {}
      : {
          Privileges: {
            ...spec.Privileges,
            ...privilegesOf(flags["credential-spec"], resolved.configs ?? []),
          } as NonNullable<ContainerSpec["Privileges"]>,
        }),
  };
  const { Init, StopGracePeriod, DNSConfig, ...rest } = edited;
  return ordered<ContainerSpec>(containerOrder, {
    ...withoutZeros(rest),
    ...(Init === undefined || Init === null ? {} : { Init }),
    ...(StopGracePeriod === undefined || StopGracePeriod === null ? {} : { StopGracePeriod }),
    ...(DNSConfig === undefined || DNSConfig === null ? {} : { DNSConfig }),
  });
}

/** What a flag replaces whole. */
function replaced(spec: ContainerSpec, flags: UpdateValues): Partial<ContainerSpec> {
  const health = healthcheckOf(flags, spec.Healthcheck);
  return withoutUndefined({
    Image: flags.image,
    Command: flags.entrypoint,
    Args: flags.args,
    Hostname: flags.hostname,
    Dir: flags.workdir,
    User: flags.user,
    Init: flags.init,
    StopSignal: flags["stop-signal"],
    TTY: flags.tty,
    ReadOnly: flags["read-only"],
    StopGracePeriod: flags["stop-grace-period"],
    Healthcheck: health,
    Isolation: flags.isolation as ContainerSpec["Isolation"],
    OomScoreAdj: flags["oom-score-adj"],
  });
}

/** What flags edit entry by entry. */
function lists(spec: ContainerSpec, flags: UpdateValues): Partial<ContainerSpec> {
  const edit = <T>(given: unknown, value: () => T): T | undefined => (given === undefined ? undefined : value());
  const record = (before: ContainerSpec["Labels"], name: "container-label" | "sysctl") =>
    edit(
      flags[`${name}-add`] ?? flags[`${name}-rm`],
      () =>
        nonEmpty(changedRecord(before ?? {}, keyValues(flags[`${name}-add`] ?? []), flags[`${name}-rm`] ?? [])) ?? null,
    );
  const capabilities = edit(flags["cap-add"] ?? flags["cap-drop"], () =>
    capabilitiesToUpdate(
      { added: spec.CapabilityAdd ?? [], dropped: spec.CapabilityDrop ?? [] },
      flags["cap-add"] ?? [],
      flags["cap-drop"] ?? [],
    ),
  );
  return withoutUndefined({
    Labels: record(spec.Labels, "container-label"),
    Env: edit(flags["env-add"] ?? flags["env-rm"], () =>
      changedEnv(spec.Env ?? [], flags["env-add"] ?? [], flags["env-rm"] ?? []),
    ),
    Groups: edit(flags["group-add"] ?? flags["group-rm"], () =>
      changedSet(spec.Groups ?? [], flags["group-add"] ?? [], flags["group-rm"] ?? []),
    ),
    Mounts: edit(flags["mount-add"] ?? flags["mount-rm"] ?? spec.Mounts ?? undefined, () =>
      changedMounts(spec.Mounts ?? [], flags["mount-add"] ?? [], flags["mount-rm"] ?? []),
    ),
    Hosts: edit(flags["host-add"] ?? flags["host-rm"], () =>
      changedHosts(spec.Hosts ?? [], flags["host-add"] ?? [], flags["host-rm"] ?? []),
    ),
    DNSConfig: dnsConfig(spec, flags),
    Sysctls: record(spec.Sysctls, "sysctl"),
    CapabilityAdd: capabilities?.added,
    CapabilityDrop: capabilities?.dropped,
    Ulimits: edit(flags["ulimit-add"] ?? flags["ulimit-rm"], () => changedUlimits(spec, flags)),
  });
}

function dnsConfig({ DNSConfig: before }: ContainerSpec, flags: UpdateValues): ContainerSpec["DNSConfig"] | undefined {
  const change = (
    name: "dns" | "dns-search" | "dns-option",
    old: readonly string[] | null | undefined,
  ): readonly string[] => changedSet(old ?? [], flags[`${name}-add`] ?? [], flags[`${name}-rm`] ?? []);
  const given =
    flags["dns-add"] ??
    flags["dns-rm"] ??
    flags["dns-search-add"] ??
    flags["dns-search-rm"] ??
    flags["dns-option-add"] ??
    flags["dns-option-rm"];
  if (given === undefined) return undefined;
  return withoutZeros({
    Nameservers: change("dns", before?.Nameservers),
    Search: change("dns-search", before?.Search),
    Options: change("dns-option", before?.Options),
  });
}

/** One mount a target; sorted by source, then target. */
function changedMounts(before: readonly Mount[], added: readonly Mount[], removed: readonly string[]): Mount[] {
  const byTarget = new Map<string, Mount>();
  for (const mount of added) {
    if (byTarget.has(mount.Target ?? "")) throw new CliError("duplicate mount target");
    byTarget.set(mount.Target ?? "", mount);
  }
  const kept = before.filter(({ Target = "" }) => !byTarget.has(Target));
  const key = ({ Source = "", Target = "" }: Mount): string => `${Source}\0${Target}`;
  return [...kept, ...byTarget.values()]
    .filter(({ Target = "" }) => !removed.includes(Target))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function changedUlimits(
  { Ulimits: before }: ContainerSpec,
  flags: UpdateValues,
): NonNullable<ContainerSpec["Ulimits"]> {
  const byName = new Map((before ?? []).map((limit) => [limit.Name, limit]));
  for (const name of flags["ulimit-rm"] ?? []) byName.delete(name);
  for (const limit of flags["ulimit-add"] ?? []) byName.set(limit.Name, limit);
  return [...byName.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const serviceOrder = "Name Labels TaskTemplate Mode UpdateConfig RollbackConfig Networks EndpointSpec";
const taskOrder =
  "ContainerSpec PluginSpec NetworkAttachmentSpec Resources RestartPolicy Placement Networks LogDriver ForceUpdate Runtime";
const containerOrder =
  "Image Labels Command Args Hostname Env Dir User Groups Privileges Init StopSignal TTY OpenStdin ReadOnly Mounts " +
  "StopGracePeriod Healthcheck Hosts DNSConfig Secrets Configs Isolation Sysctls CapabilityAdd CapabilityDrop Ulimits OomScoreAdj";

/** Keys in the order of Docker's structs, what we do not know after them: a body reads like docker's. */
function ordered<T extends object>(order: string, value: T): T {
  const keys = order.split(" ");
  const rank = (key: string): number => (keys.includes(key) ? keys.indexOf(key) : keys.length);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => rank(a) - rank(b))) as T;
}
