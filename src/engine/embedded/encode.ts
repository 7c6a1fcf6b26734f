// The embedded engine in Docker's JSON.

import { apiVersionMax } from "../bounds.js";
import type { EmbeddedEngine } from "./engine.js";
import type { EngineEvent } from "./events.js";
import { type Image } from "./images.js";
import { embeddedVersion } from "./info.js";
import { type Machine, portsOf } from "./machine.js";
import { rfc3339, upFor } from "./times.js";

const zeroTime = "0001-01-01T00:00:00Z";
const minApiVersion = "1.24";

export function versionJson(): object {
  const details = { ApiVersion: apiVersionMax, MinAPIVersion: minApiVersion, Os: "linux", Arch: "amd64" };
  return {
    Platform: { Name: "Skep embedded engine" },
    Components: [{ Name: "Engine", Version: embeddedVersion, Details: details }],
    Version: embeddedVersion,
    ...details,
    GitCommit: "",
    GoVersion: "",
    KernelVersion: "",
    BuildTime: "",
  };
}

export function infoJson(engine: EmbeddedEngine, info: Awaited<ReturnType<EmbeddedEngine["info"]>>): object {
  const { machines } = engine;
  const running = machines.filter(({ phase }) => phase.kind === "running").length;
  const plugins = (type: string): string[] => info.plugins.filter((each) => each.type === type).map(({ name }) => name);
  return {
    ID: info.id,
    Containers: machines.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: machines.length - running,
    Images: engine.images.length,
    Driver: "memory",
    DriverStatus: [],
    Plugins: { Volume: plugins("Volume"), Network: plugins("Network"), Authorization: null, Log: plugins("Log") },
    SystemTime: rfc3339(engine.clock.now()),
    LoggingDriver: "json-file",
    KernelVersion: "",
    OperatingSystem: "Skep embedded engine",
    OSType: info.os,
    Architecture: info.architecture,
    IndexServerAddress: "https://index.docker.io/v1/",
    NCPU: info.nanoCpus / 1e9,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    DockerRootDir: "",
    Name: info.hostname,
    Labels: Object.entries(info.labels).map(([key, value]) => `${key}=${value}`),
    ExperimentalBuild: false,
    ServerVersion: info.version,
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    SecurityOptions: [],
    Warnings: ["This is Skep's embedded engine: its containers exist in memory only"],
  };
}

export function imageJson(image: Image): object {
  const digested = image.name.includes("@");
  return {
    Id: image.id,
    ParentId: "",
    RepoTags: digested ? null : [image.name],
    RepoDigests: digested ? [image.name] : null,
    Created: Math.floor(image.pulledWallMs / 1000),
    Size: 0,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
  };
}

/** An element of `GET /containers/json`. */
export function summaryJson(machine: Machine, imageId: string, nowMs: number): object {
  const { config } = machine;
  return {
    Id: machine.id,
    Names: [`/${machine.name}`],
    Image: config.Image,
    ImageID: imageId,
    Command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].join(" "),
    Created: Math.floor(machine.createdWallMs / 1000),
    Ports: portsOf(machine).map(({ protocol, targetPort, publishedPort }) => ({
      IP: "0.0.0.0",
      PrivatePort: targetPort,
      PublicPort: publishedPort,
      Type: protocol,
    })),
    Labels: config.Labels,
    State: machine.phase.kind,
    Status: statusText(machine, nowMs),
    HostConfig: { NetworkMode: config.HostConfig.NetworkMode ?? "default" },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}

/** Docker's column STATUS. */
function statusText({ phase }: Machine, nowMs: number): string {
  switch (phase.kind) {
    case "created":
      return "Created";
    case "running": {
      const health = phase.health
        ? ` (${phase.health.status === "starting" ? "health: starting" : phase.health.status})`
        : "";
      return `Up ${upFor(nowMs - phase.startedWallMs)}${health}`;
    }
    case "exited":
      return `Exited (${phase.code}) ${upFor(nowMs - phase.finishedWallMs)} ago`;
    default:
      return phase satisfies never;
  }
}

/** `GET /containers/{id}/json`. */
export function containerJson(machine: Machine, imageId: string): object {
  const { config } = machine;
  const argv = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const { HostConfig, NetworkingConfig: _, ...rest } = config;
  return {
    Id: machine.id,
    Created: rfc3339(machine.createdWallMs),
    Path: argv[0] ?? "",
    Args: argv.slice(1),
    State: stateJson(machine),
    Image: imageId,
    Name: `/${machine.name}`,
    RestartCount: 0,
    Driver: "memory",
    Platform: "linux",
    HostConfig,
    Mounts: [],
    Config: { Tty: false, OpenStdin: false, Env: null, Cmd: null, Entrypoint: null, ...rest },
    NetworkSettings: { Ports: portsJson(machine), Networks: {} },
  };
}

function stateJson({ phase }: Machine): object {
  const isRunning = phase.kind === "running";
  return {
    Status: phase.kind,
    Running: isRunning,
    Paused: false,
    Restarting: false,
    OOMKilled: phase.kind === "exited" && phase.oom,
    Dead: false,
    Pid: isRunning ? phase.pid : 0,
    ExitCode: phase.kind === "exited" ? phase.code : 0,
    Error: "",
    StartedAt: phase.kind === "created" ? zeroTime : rfc3339(phase.startedWallMs),
    FinishedAt: phase.kind === "exited" ? rfc3339(phase.finishedWallMs) : zeroTime,
    ...(isRunning && phase.health
      ? { Health: { Status: phase.health.status, FailingStreak: phase.health.failures, Log: [] } }
      : {}),
  };
}

function portsJson(machine: Machine): Record<string, { HostIp: string; HostPort: string }[]> {
  const ports: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { protocol, targetPort, publishedPort } of portsOf(machine)) {
    (ports[`${targetPort}/${protocol}`] ??= []).push({ HostIp: "0.0.0.0", HostPort: String(publishedPort) });
  }
  return ports;
}

/** One line of `GET /events`, with its line break. */
export function eventJson({ machine, action, attributes, wallMs }: EngineEvent): string {
  const message = {
    status: action,
    id: machine.id,
    from: machine.config.Image,
    Type: "container",
    Action: action,
    Actor: {
      ID: machine.id,
      Attributes: { ...machine.config.Labels, ...attributes, image: machine.config.Image, name: machine.name },
    },
    scope: "local",
    time: Math.floor(wallMs / 1000),
  };
  // Nanoseconds do not fit a Number: written as digits.
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${Math.floor(wallMs)}000000}\n`;
}
