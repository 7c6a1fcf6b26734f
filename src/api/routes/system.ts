// /_ping, /version, /info, /events and our own status: the engine's answer with our part put in.

import { SwarmError } from "../../base/index.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { Control } from "../../manager/control/index.js";
import { atLeader, type Call, here, type LeaderCall, type RouteSpec, type Shared } from "../call.js";
import { collect } from "../collect.js";
import { encodeClusterInfo } from "../encode/cluster.js";
import { toJson } from "../encode/json.js";
import { swarmEventStream } from "../events/stream.js";
import { type ApiResponse, emptyBody, jsonText, textBody } from "../http.js";
import type { NodeState, Quorum } from "../modules.js";
import { staleWarning } from "../no-leader.js";
import { locked, twoManagersWarning } from "../texts.js";
import type { Peer, SwarmInfo } from "../types.js";
import { versionMin } from "../version.js";
import { within } from "../within.js";

/** The engine's part of `/info` and `/version`, and the leader's, are left out after this: neither ever hangs. */
const partLimitMs = 1_000;

export const systemRoutes: readonly RouteSpec[] = [
  here("GET", "/_ping", ping),
  here("HEAD", "/_ping", ping),
  here("GET", "/version", version),
  here("GET", "/info", info),
  here("GET", "/events", swarmEventStream),
  here("GET", "/skep/v1/status", async ({ shared }) => jsonText(toJson(await shared.modules.status()))),
  atLeader("GET", "/skep/v1/cluster", ({ control }: LeaderCall) => jsonText(toJson(clusterPart(control)))),
];

async function ping({ request, shared }: Call): Promise<ApiResponse> {
  const { builderVersion } = await shared.probe.known();
  return {
    status: 200,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      ...(builderVersion === undefined ? {} : { "Builder-Version": builderVersion }),
      "Cache-Control": "no-cache, no-store, must-revalidate",
      Pragma: "no-cache",
      Swarm: pingState(shared.modules.node.state()),
    },
    body: request.method === "HEAD" ? emptyBody : textBody("OK"),
  };
}

function pingState(state: NodeState): string {
  if (state.local !== "active") return state.local;
  return state.manager === "no" ? "active/worker" : "active/manager";
}

async function version({ shared }: Call): Promise<ApiResponse> {
  const engine = await engineJson(shared, "/version");
  const ours = { Name: "Skep", Version: shared.options.version, Details: { MinAPIVersion: versionMin } };
  const components: unknown = engine?.["Components"];
  return jsonText(
    toJson({
      Platform: { Name: "" },
      Version: shared.options.version,
      Os: "linux",
      ...engine,
      Components: [...(Array.isArray(components) ? (components as readonly unknown[]) : []), ours],
      ApiVersion: shared.probe.advertised,
      MinAPIVersion: versionMin,
    }),
  );
}

async function info(call: Call): Promise<ApiResponse> {
  const { shared } = call;
  const [engine, swarm] = await Promise.all([engineJson(shared, "/info"), swarmInfo(call)]);
  const { nodeName } = shared.options;
  return jsonText(
    toJson({
      ...(engine ?? { ID: "", OSType: "linux", ServerVersion: "" }),
      ...(nodeName === undefined ? {} : { Name: nodeName }),
      Swarm: swarm,
      Warnings: warnings(shared, engine, swarm),
    }),
  );
}

function warnings(
  shared: Shared,
  engine: Readonly<Record<string, unknown>> | undefined,
  swarm: SwarmInfo,
): readonly string[] | null {
  const all: string[] = [];
  const engines: unknown = engine?.["Warnings"];
  if (Array.isArray(engines)) all.push(...engines.map(String));
  if (engine === undefined) all.push(`WARNING: the engine at ${shared.modules.engine.address} does not answer`);
  all.push(...(swarm.Warnings ?? []));
  return all.length === 0 ? null : all;
}

async function swarmInfo(call: Call): Promise<SwarmInfo> {
  const state = call.shared.modules.node.state();
  const active = state.local === "active" ? state : undefined;
  const isManager = active?.manager === "ready";
  const cluster = isManager ? await clusterInfo(call) : undefined;
  return {
    NodeID: "nodeId" in state ? state.nodeId : "",
    NodeAddr: "nodeAddr" in state ? state.nodeAddr : "",
    LocalNodeState: state.local,
    ControlAvailable: isManager,
    Error: errorOf(state),
    RemoteManagers: peersOf(active?.managers ?? []),
    ...cluster,
    ...swarmWarnings(isManager ? call.shared.modules.node.quorum?.() : undefined, cluster),
  };
}

function errorOf(state: NodeState): string {
  if (state.local === "locked") return locked;
  return "error" in state ? state.error : "";
}

function swarmWarnings(quorum: Quorum | undefined, cluster: ClusterPart | undefined): Pick<SwarmInfo, "Warnings"> {
  const all = [
    ...(quorum !== undefined && !quorum.hasLeader ? [staleWarning(quorum)] : []),
    ...(cluster?.Managers === 2 ? [twoManagersWarning] : []),
  ];
  return all.length === 0 ? {} : { Warnings: all };
}

function peersOf(managers: readonly { readonly nodeId: string; readonly addr: string }[]): readonly Peer[] | null {
  return managers.length === 0 ? null : managers.map(({ nodeId, addr }) => ({ NodeID: nodeId, Addr: addr }));
}

type ClusterPart = Pick<SwarmInfo, "Nodes" | "Managers" | "Cluster">;

/**
 * From this node if it leads, else from the leader, nothing when that takes too long; without a leader from this node's own
 * store.
 */
async function clusterInfo({ request, shared }: Call): Promise<ClusterPart | undefined> {
  const { node, clock } = shared.modules;
  const control = node.control();
  if (control) return clusterPart(control);
  const leader = node.leader();
  if (leader === undefined) {
    const local = node.localControl?.();
    return local?.view.cluster && clusterPart(local);
  }
  const asked = { ...request, method: "GET", path: "/skep/v1/cluster", query: "", body: new Uint8Array(0) };
  const ask = async (signal: AbortSignal): Promise<ClusterPart | undefined> => {
    const response = await leader.forward({ ...asked, closed: () => signal });
    return response.status === 200 ? (JSON.parse(await collect(response.body)) as ClusterPart) : undefined;
  };
  try {
    return await within(clock, partLimitMs, ask, request.closed());
  } catch {
    return undefined;
  }
}

function clusterPart({ view }: Control): ClusterPart {
  let managers = 0;
  for (const node of view.table("node").all()) managers += node.spec?.desiredRole === NodeRole.MANAGER ? 1 : 0;
  return {
    Nodes: view.table("node").size,
    Managers: managers,
    ...(view.cluster && { Cluster: encodeClusterInfo(view.cluster) }),
  };
}

/** The engine's own answer; undefined when it gives none in time. */
async function engineJson(shared: Shared, path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { engine, clock } = shared.modules;
  try {
    return await within(clock, partLimitMs, async (signal) => {
      const { status, body } = await engine.fetch({ method: "GET", path, query: "", signal });
      const text = await collect({ kind: "stream", stream: body });
      if (status !== 200) throw new SwarmError("Unavailable", `the engine answered ${status} to ${path}`);
      return JSON.parse(text) as Readonly<Record<string, unknown>>;
    });
  } catch {
    return undefined;
  }
}
