// `skep info`: the daemon's engine and its place in the cluster.

import type { ClusterInfo, Info, SwarmInfo } from "../../../api/types.js";
import { goJson } from "../../../base/index.js";
import { noArguments, verb } from "../../command.js";
import { showBytes } from "../../flags/quantities.js";
import { inspectFormat } from "../../flags/shared.js";
import { cliVersion } from "../../version.js";
import { humanDuration } from "../../words.js";
import { renderOne } from "../render-one.js";
import { GoStruct } from "../typed.js";

export const info = verb({
  name: "info",
  use: "[OPTIONS]",
  about: "Display system-wide information",
  helpAliases: ["skep system info", "skep info"],
  args: noArguments,
  anyEngine: true,
  flags: { format: inspectFormat },
  async run({ flags, client, world }) {
    const answer = await client.get<Info>("/info");
    if (flags.format !== undefined) {
      const data = { ...answer, ClientInfo: { Version: cliVersion } };
      world.stdout.write(renderOne(flags.format, new GoStruct("system.dockerInfo", data), () => goJson(data)));
      return undefined;
    }
    world.stdout.write(page(answer));
    for (const warning of answer.Warnings ?? []) world.stderr.write(`${warning}\n`);
    return undefined;
  },
});

function page(info: Info): string {
  const lines = [
    "Client: Skep",
    ` Version:    ${cliVersion}`,
    "",
    "Server:",
    ` Containers: ${info.Containers ?? 0}`,
    `  Running: ${info.ContainersRunning ?? 0}`,
    `  Paused: ${info.ContainersPaused ?? 0}`,
    `  Stopped: ${info.ContainersStopped ?? 0}`,
    ` Images: ${info.Images ?? 0}`,
    ` Server Version: ${info.ServerVersion ?? ""}`,
    ` Storage Driver: ${info.Driver ?? ""}`,
    ...swarmLines(info.Swarm),
    ` Kernel Version: ${info.KernelVersion ?? ""}`,
    ` Operating System: ${info.OperatingSystem ?? ""}`,
    ` OSType: ${info.OSType ?? ""}`,
    ` Architecture: ${info.Architecture ?? ""}`,
    ` CPUs: ${info.NCPU ?? 0}`,
    ` Total Memory: ${showBytes(info.MemTotal ?? 0)}`,
    ` Name: ${info.Name ?? ""}`,
    ...(info.ID === undefined ? [] : [` ID: ${info.ID}`]),
    ` Docker Root Dir: ${info.DockerRootDir ?? ""}`,
  ];
  return `${lines.join("\n")}\n`;
}

function swarmLines(swarm: SwarmInfo): string[] {
  const lines = [` Swarm: ${swarm.LocalNodeState}`];
  if (swarm.LocalNodeState === "inactive" || swarm.LocalNodeState === "locked") return lines;
  const managers = (swarm.RemoteManagers ?? []).map(({ Addr }) => Addr).sort();
  return [
    ...lines,
    `  NodeID: ${swarm.NodeID}`,
    ...(swarm.Error === "" ? [] : [`  Error: ${swarm.Error}`]),
    `  Is Manager: ${swarm.ControlAvailable}`,
    ...(swarm.Cluster === undefined ? [] : clusterLines(swarm, swarm.Cluster)),
    `  Node Address: ${swarm.NodeAddr}`,
    ...(managers.length === 0 ? [] : ["  Manager Addresses:", ...managers.map((address) => `   ${address}`)]),
  ];
}

function clusterLines(swarm: SwarmInfo, { ID, Spec, DataPathPort, RootRotationInProgress }: ClusterInfo): string[] {
  const age = (nanoseconds: number | undefined): string => humanDuration((nanoseconds ?? 0) / 1e6);
  return [
    `  ClusterID: ${ID}`,
    `  Managers: ${swarm.Managers ?? 0}`,
    `  Nodes: ${swarm.Nodes ?? 0}`,
    `  Data Path Port: ${DataPathPort}`,
    "  Orchestration:",
    `   Task History Retention Limit: ${Spec.Orchestration.TaskHistoryRetentionLimit ?? 0}`,
    "  Raft:",
    `   Snapshot Interval: ${Spec.Raft.SnapshotInterval ?? 0}`,
    `   Number of Old Snapshots to Retain: ${Spec.Raft.KeepOldSnapshots ?? 0}`,
    `   Heartbeat Tick: ${Spec.Raft.HeartbeatTick}`,
    `   Election Tick: ${Spec.Raft.ElectionTick}`,
    "  Dispatcher:",
    `   Heartbeat Period: ${age(Spec.Dispatcher.HeartbeatPeriod)}`,
    "  CA Configuration:",
    `   Expiry Duration: ${age(Spec.CAConfig.NodeCertExpiry)}`,
    `   Force Rotate: ${Spec.CAConfig.ForceRotate ?? 0}`,
    `  Autolock Managers: ${Spec.EncryptionConfig.AutoLockManagers}`,
    `  Root Rotation In Progress: ${RootRotationInProgress}`,
  ];
}
