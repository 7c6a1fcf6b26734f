// `skep system status`: the health of the cluster and of the node asked, in three lines.

import type { LocalNodeStatus, SwarmStatusSummary, SystemStatus, TasksSummary } from "../../../api/types.js";
import { goJson } from "../../../base/index.js";
import { noArguments, verb } from "../../command.js";
import { inspectFormat } from "../../flags/shared.js";
import { humanDuration, shortId, timeOf } from "../../words.js";
import { renderOne } from "../render-one.js";

export const status = verb({
  name: "status",
  use: "[OPTIONS]",
  about: "Show the health of the cluster and of this node",
  args: noArguments,
  flags: { format: inspectFormat },
  async run({ flags, client, world }) {
    const answer = await client.getOwn<SystemStatus>("/skep/v1/status");
    const text =
      flags.format === undefined
        ? statusText(answer, world.now())
        : renderOne(flags.format, answer, () => goJson(answer));
    world.stdout.write(text);
    return undefined;
  },
});

export function statusText(status: SystemStatus, nowMs: number): string {
  const lines = [
    `swarm   ${status.Swarm === undefined ? `this node is in no cluster (${status.Node.State})` : swarmText(status.Swarm)}`,
    ...(status.Swarm?.Managers.Unreachable ?? []).map(
      ({ Hostname, Addr, Since }) =>
        `        manager ${Hostname} (${Addr}) unreachable${Since === undefined ? "" : ` since ${Since}`}`,
    ),
    ...(status.Tasks === undefined ? [] : [`tasks   ${tasksText(status.Tasks, nowMs)}`]),
    `this node   ${nodeText(status.Node)}`,
    ...status.Warnings.map((warning) => `WARNING: ${warning}`),
  ];
  return `${lines.join("\n")}\n`;
}

function swarmText({ ID, Nodes, Managers, Leader, Raft }: SwarmStatusSummary): string {
  const raft = [
    Leader === undefined ? "no leader" : `leader ${Leader.Hostname}`,
    ...(Raft === undefined ? [] : [`term ${Raft.Term}`, `${count(Raft.LastIndex)} entries`]),
    ...(Raft === undefined || Raft.SnapshotIndex === 0 ? [] : [`snapshot at ${count(Raft.SnapshotIndex)}`]),
  ];
  const down = Nodes.Down === 0 ? "" : `, ${Nodes.Down} down`;
  return `${shortId(ID)} · ${plural(Managers.Total, "manager")} (${raft.join(", ")}) · ${plural(Nodes.Total, "node")}${down}`;
}

const stages: Readonly<Record<string, string>> = { node: "on their nodes", restart: "until they are started again" };

function tasksText({ Running, Pending, Failing, FailingSince, Waiting }: TasksSummary, nowMs: number): string {
  const waiting = Waiting.map(
    ({ Stage, Count, OldestSince }) =>
      `${Count} ${stages[Stage] ?? `in the ${Stage}`}, oldest ${humanDuration(nowMs - timeOf(OldestSince)).toLowerCase()}`,
  );
  const pending = `${Pending} pending${waiting.length === 0 ? "" : ` (${waiting.join("; ")})`}`;
  const since =
    FailingSince === undefined ? "" : ` (oldest ${humanDuration(nowMs - timeOf(FailingSince)).toLowerCase()})`;
  return `${Running} running · ${pending} · ${Failing} failing${since}`;
}

function nodeText(node: LocalNodeStatus): string {
  const roles = [...(node.IsManager ? ["manager"] : []), ...(node.IsWorker ? ["worker"] : [])].join(" and ");
  const { Engine, CertificateExpiry, Network = [] } = node;
  const answers = Engine.AnswerMs === undefined ? "" : ` answers in ${Math.round(Engine.AnswerMs)} ms`;
  const engine =
    Engine.Error === undefined
      ? `engine ${Engine.Version ?? ""}${answers}`
      : `engine at ${Engine.Address} does not answer: ${Engine.Error}`;
  return [
    node.Hostname,
    ...(roles === "" ? [] : [roles]),
    engine,
    ...(CertificateExpiry === undefined ? [] : [`certificate until ${CertificateExpiry.slice(0, 10)}`]),
    ...(Network.length === 0 ? [] : [Network.map(({ Name, Error }) => `${Name} ${Error ?? "ok"}`).join(", ")]),
  ].join(" · ");
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** 12,408 */
function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}
