// What `skep system status` shows: the swarm as this manager sees it, and this node.

import type { NodeState as LocalState } from "../api/index.js";
import type { SystemStatus } from "../api/types.js";
import { type Clock, messageOf } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import { NodeState } from "../gen/skep/v1/objects.js";
import type { Manager } from "../manager/index.js";
import { summarizeTasks } from "../manager/insight/index.js";
import type { View } from "../store/index.js";
import type { Member } from "./member.js";

/** How long the engine may take to say who it is. */
const engineMs = 1_000;

export interface StatusModules {
  readonly name: string;
  readonly version: string;
  readonly engine: Engine;
  readonly engineAddress: string;
  readonly clock: Clock;
  readonly state: () => LocalState;
  readonly member: () => Member | undefined;
}

export async function systemStatus(modules: StatusModules): Promise<SystemStatus> {
  const engine = await engineStatus(modules);
  const member = modules.member();
  const manager = member?.manager;
  const view = manager?.store;
  return {
    ...(manager &&
      view?.cluster && { Swarm: swarmSummary(view, manager), Tasks: summarizeTasks(view.table("task").all()) }),
    Node: {
      ...(member && { NodeID: member.membership.nodeId }),
      Hostname: modules.name,
      Version: modules.version,
      IsManager: manager !== undefined,
      IsWorker: member !== undefined,
      State: modules.state().local,
      Engine: { Address: modules.engineAddress, ...engine },
      ...(member && { CertificateExpiry: new Date(member.identity.notAfterMs).toISOString() }),
    },
    Warnings: warnings(modules, engine.Error),
  };
}

async function engineStatus({ engine, clock }: StatusModules): Promise<{
  readonly Version?: string;
  readonly AnswerMs?: number;
  readonly Error?: string;
}> {
  const asked = clock.monotonic();
  try {
    const { version } = await engine.info(AbortSignal.timeout(engineMs));
    return { Version: version, AnswerMs: Math.round(clock.monotonic() - asked) };
  } catch (error) {
    return { Error: messageOf(error) };
  }
}

/** As this manager knows it, whoever leads. */
function swarmSummary(view: View, manager: Manager): NonNullable<SystemStatus["Swarm"]> {
  const nodes = [...view.table("node").all()];
  const { managers } = manager.quorum();
  const { leader: leaderRaftId, term, lastIndex, applied, snapshotIndex } = manager.raftStatus;
  const leader = leaderRaftId === undefined ? undefined : manager.nodeIdOf(leaderRaftId);
  return {
    ID: view.cluster?.id ?? "",
    Nodes: {
      Total: nodes.length,
      Down: nodes.filter((node) => node.status?.state === NodeState.DOWN).length,
    },
    Managers: {
      Total: managers.length,
      Reachable: managers.filter(({ reachable }) => reachable).length,
      Unreachable: managers.flatMap(({ reachable, nodeId, addr, unreachableSince: since }) =>
        reachable
          ? []
          : [
              {
                ...{ NodeID: nodeId, Hostname: hostname(view, nodeId), Addr: addr },
                ...(since !== undefined && { Since: new Date(since).toISOString() }),
              },
            ],
      ),
    },
    ...(leader !== undefined && { Leader: { NodeID: leader, Hostname: hostname(view, leader) } }),
    Raft: { Term: term, LastIndex: lastIndex, AppliedIndex: applied, SnapshotIndex: snapshotIndex },
  };
}

function hostname(view: View, nodeId: string): string {
  return view.table("node").get(nodeId)?.description?.hostname ?? "";
}

function warnings({ state, member, engineAddress }: StatusModules, engineError: string | undefined): readonly string[] {
  const local = state();
  const quorum = member()?.manager?.quorum();
  return [
    ...(quorum !== undefined && !quorum.hasLeader
      ? [
          `The swarm has had no leader for ${Math.floor(quorum.noLeaderForMs / 1000)} s: what is shown is as old, changes are refused, running containers go on.`,
        ]
      : []),
    ...(local.local === "error" ? [`This node is not working for its swarm: ${local.error}`] : []),
    ...(member()?.part.failure !== undefined
      ? [`The manager on this node is broken, its worker goes on: ${member()?.part.failure}`]
      : []),
    ...(engineError !== undefined ? [`The engine at ${engineAddress} does not answer: ${engineError}`] : []),
    ...(member() !== undefined && member()?.isConnected === false
      ? ["No manager counts this node in at the moment; its containers run on."]
      : []),
  ];
}
