// `service inspect --pretty`: a section per part of the spec, each left out when there is nothing to say.
import type { ContainerSpec, Service, UpdateConfig, UpdateStatus } from "../../../api/types.js";
import { showBytes, showDuration } from "../../flags/quantities.js";
import { humanDuration, timeOf } from "../../words.js";

export function prettyService(service: Service, networks: ReadonlyMap<string, string>, nowMs: number): string {
  const { Spec } = service;
  const container = Spec.TaskTemplate.ContainerSpec ?? {};
  const lines = [
    "",
    `ID:\t\t${service.ID}`,
    `Name:\t\t${Spec.Name ?? ""}`,
    ...labelLines("Labels:", Spec.Labels ?? {}),
    ...modeLines(service),
    ...statusLines(service, nowMs),
    ...placementLines(service),
    ...updateLines("UpdateConfig:", " Update order:      ", Spec.UpdateConfig),
    ...updateLines("RollbackConfig:", " Rollback order:    ", Spec.RollbackConfig),
    ...containerLines(container),
    ...logDriverLines(service),
    ...resourceLines(service),
    ...networkLines(service, networks),
    `Endpoint Mode:\t${Spec.EndpointSpec?.Mode ?? service.Endpoint.Spec.Mode ?? ""}`,
    ...portLines(service),
    ...healthLines(container),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function labelLines(title: string, labels: Readonly<Record<string, string>>): string[] {
  const keys = Object.keys(labels).sort();
  return keys.length === 0 ? [] : [title, ...keys.map((key) => ` ${key}${labels[key] ? `=${labels[key]}` : ""}`)];
}

function modeLines({ Spec: { Mode } }: Service): string[] {
  if (Mode.Global) return ["Service Mode:\tGlobal"];
  if (Mode.Replicated) return ["Service Mode:\tReplicated", ` Replicas:\t${Mode.Replicated.Replicas ?? 0}`];
  if (Mode.GlobalJob) return ["Service Mode:\tGlobal Job"];
  if (!Mode.ReplicatedJob) return ["Service Mode:"];
  return [
    "Service Mode:\tReplicated Job",
    ` Total Completions:\t${Mode.ReplicatedJob.TotalCompletions ?? 0}`,
    ` Max Concurrent:\t${Mode.ReplicatedJob.MaxConcurrent ?? 0}`,
  ];
}

function statusLines({ UpdateStatus }: Service, nowMs: number): string[] {
  if (UpdateStatus === undefined || (UpdateStatus.State ?? "") === "") return [];
  const ago = (time: string): string => `${humanDuration(nowMs - timeOf(time)).toLowerCase()} ago`;
  return [
    "UpdateStatus:",
    ` State:\t\t${UpdateStatus.State ?? ""}`,
    ...(UpdateStatus.StartedAt === undefined ? [] : [` Started:\t${ago(UpdateStatus.StartedAt)}`]),
    ...(UpdateStatus.CompletedAt === undefined ? [] : [` Completed:\t${ago(UpdateStatus.CompletedAt)}`]),
    ` Message:\t${UpdateStatus.Message ?? ""}`,
    ...progressLines(UpdateStatus),
  ];
}

/** Ours; a daemon that is no Skep does not count. */
function progressLines({ Total = 0, Done = 0, Failed = 0 }: UpdateStatus): string[] {
  if (Total === 0) return [];
  return [` Progress:\t${Done} of ${Total} changed${Failed === 0 ? "" : `, ${Failed} failed`}`];
}

function placementLines({ Spec }: Service): string[] {
  const placement = Spec.TaskTemplate.Placement ?? {};
  const constraints = placement.Constraints ?? [];
  const preferences = (placement.Preferences ?? []).map(({ Spread }) => `spread=${Spread?.SpreadDescriptor ?? ""}`);
  const max = placement.MaxReplicas ?? 0;
  return [
    "Placement:",
    ...(constraints.length === 0 ? [] : [` Constraints:\t[${constraints.join(" ")}]`]),
    ...(preferences.length === 0 ? [] : [` Preferences:   [${preferences.join(" ")}]`]),
    ...(max === 0 ? [] : [` Max Replicas Per Node:   ${max}`]),
  ];
}

function updateLines(title: string, orderTitle: string, config: UpdateConfig | null | undefined): string[] {
  if (config === undefined || config === null) return [];
  return [
    title,
    ` Parallelism:\t${config.Parallelism}`,
    ...(config.Delay ? [` Delay:\t\t${showDuration(config.Delay)}`] : []),
    ` On failure:\t${config.FailureAction ?? ""}`,
    ...(config.Monitor ? [` Monitoring Period: ${showDuration(config.Monitor)}`] : []),
    ` Max failure ratio: ${config.MaxFailureRatio}`,
    `${orderTitle}${config.Order ?? ""}`,
  ];
}

function containerLines(spec: ContainerSpec): string[] {
  const words = (title: string, values: readonly string[] | null | undefined): string[] =>
    values && values.length > 0 ? [`${title}${values.join(" ")} `] : [];
  return [
    "ContainerSpec:",
    ` Image:\t\t${spec.Image ?? ""}`,
    ...words(" Args:\t\t", spec.Args),
    ...words(" Env:\t\t", spec.Env),
    ...(spec.Dir ? [` Dir:\t\t${spec.Dir}`] : []),
    ...(spec.Init === undefined || spec.Init === null ? [] : [` Init:\t\t${spec.Init}`]),
    ...(spec.User ? [` User: ${spec.User}`] : []),
    ...capabilityLines(spec),
    ...recordLines("SysCtls:", spec.Sysctls ?? {}),
    ...((spec.Ulimits ?? []).length === 0
      ? []
      : ["Ulimits:", ...(spec.Ulimits ?? []).map((u) => ` ${u.Name}: ${u.Soft}:${u.Hard}`)]),
    ...mountLines(spec),
    ...referenceLines(
      "Configs:",
      (spec.Configs ?? []).map((c) => ({ target: c.File?.Name ?? "", source: c.ConfigName })),
    ),
    ...referenceLines(
      "Secrets:",
      (spec.Secrets ?? []).map((s) => ({ target: s.File?.Name ?? "", source: s.SecretName })),
    ),
  ];
}

function capabilityLines({ CapabilityAdd, CapabilityDrop }: ContainerSpec): string[] {
  const added = CapabilityAdd ?? [];
  const dropped = CapabilityDrop ?? [];
  if (added.length + dropped.length === 0) return [];
  return [
    "Capabilities:",
    ...(added.length === 0 ? [] : [` Add: ${added.join(", ")}`]),
    ...(dropped.length === 0 ? [] : [` Drop: ${dropped.join(", ")}`]),
  ];
}

function recordLines(title: string, record: Readonly<Record<string, string>>): string[] {
  const keys = Object.keys(record).sort();
  return keys.length === 0 ? [] : [title, ...keys.map((key) => ` ${key}: ${record[key]}`)];
}

function mountLines({ Mounts }: ContainerSpec): string[] {
  if (!Mounts || Mounts.length === 0) return [];
  return [
    "Mounts:",
    ...Mounts.flatMap((mount) => [
      ` Target:\t${mount.Target ?? ""}`,
      `  Source:\t${mount.Source ?? ""}`,
      `  ReadOnly:\t${mount.ReadOnly ?? false}`,
      `  Type:\t\t${mount.Type ?? ""}`,
    ]),
  ];
}

function referenceLines(title: string, references: readonly { target: string; source: string }[]): string[] {
  if (references.length === 0) return [];
  return [title, ...references.flatMap(({ target, source }) => [` Target:\t${target}`, `  Source:\t${source}`])];
}

function logDriverLines({ Spec }: Service): string[] {
  const driver = Spec.TaskTemplate.LogDriver;
  if (!driver) return [];
  const options = Object.entries(driver.Options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const optionLines = options.map(([key, value]) => `  ${`${key}:`.padEnd(15)} ${value}`);
  return [
    "Log Driver:",
    ` Name:\t\t${driver.Name ?? ""}`,
    ...(options.length === 0 ? [] : [" LogOpts:", ...optionLines]),
    "",
  ];
}

function resourceLines({ Spec }: Service): string[] {
  const { Limits, Reservations } = Spec.TaskTemplate.Resources ?? {};
  const cpu = (nanos: number | undefined): string[] =>
    nanos ? [`  CPU:\t\t${Number((nanos / 1e9).toPrecision(6))}`] : [];
  const memory = (size: number | undefined): string[] => (size ? [`  Memory:\t${showBytes(size)}`] : []);
  const reserved = [...cpu(Reservations?.NanoCPUs), ...memory(Reservations?.MemoryBytes)];
  const limited = [
    ...cpu(Limits?.NanoCPUs),
    ...memory(Limits?.MemoryBytes),
    ...(Limits?.Pids ? [`  PIDs:\t\t${Limits.Pids}`] : []),
  ];
  return [
    ...(Spec.TaskTemplate.Resources ? ["Resources:"] : []),
    ...(reserved.length === 0 ? [] : [" Reservations:", ...reserved]),
    ...(limited.length === 0 ? [] : [" Limits:", ...limited]),
  ];
}

function networkLines({ Spec }: Service, names: ReadonlyMap<string, string>): string[] {
  const networks = Spec.TaskTemplate.Networks ?? Spec.Networks ?? [];
  if (networks.length === 0) return [];
  return [`Networks: ${networks.map(({ Target = "" }) => names.get(Target) ?? Target).join(" ")} `];
}

function portLines({ Endpoint }: Service): string[] {
  const ports = Endpoint.Ports ?? [];
  if (ports.length === 0) return [];
  const lines = ports.flatMap((port) => [
    ` PublishedPort = ${port.PublishedPort ?? 0}`,
    `  Protocol = ${port.Protocol ?? ""}`,
    `  TargetPort = ${port.TargetPort ?? 0}`,
    `  PublishMode = ${port.PublishMode ?? ""}`,
  ]);
  return ["Ports:", `${lines.join("\n")} `];
}

function healthLines({ Healthcheck: check }: ContainerSpec): string[] {
  if (!check) return [];
  return [
    " Healthcheck:",
    `  Interval = ${showDuration(check.Interval ?? 0)}`,
    `  Retries = ${check.Retries ?? 0}`,
    `  StartPeriod =\t${showDuration(check.StartPeriod ?? 0)}`,
    `  Timeout =\t${showDuration(check.Timeout ?? 0)}`,
    ...((check.Test ?? []).length === 0
      ? []
      : ["  Tests:", `${(check.Test ?? []).map((test) => `\t Test = ${test}`).join("\n")} `]),
  ];
}
