// /networks and /volumes as far as they are ours today: what concerns the cluster is answered or refused here, the rest
// goes to the engine.

import { SwarmError } from "../../base/index.js";
import type { Network } from "../../gen/skep/v1/objects.js";
import type { LeaderCall } from "../call.js";
import { type Answer, atLeader, type Call, here, passOn, type RouteSpec } from "../call.js";
import { readBody } from "../decode/body.js";
import { timeText, toJson } from "../encode/json.js";
import { jsonText } from "../http.js";
import { callLeader } from "../to-leader.js";

export const networkRoutes: readonly RouteSpec[] = [
  here("POST", "/networks/create", create),
  here("GET", "/networks/{id}", inspect),
  atLeader("GET", predefinedPath("{id}"), inspectPredefined),
  here("POST", "/volumes/create", createVolume),
  atLeader("PUT", "/volumes/{id}", () => {
    throw clusterVolumes();
  }),
];

/** Cluster networks are refused; the engine would refuse them for not being in a swarm itself. */
function create({ request }: Call): Answer {
  const body = readBody(request, "NetworkCreateRequest");
  if (body.text("Driver") === "overlay" || body.text("Scope") === "swarm" || body.flag("Ingress")) {
    throw new SwarmError(
      "Unimplemented",
      "overlay networks are not built yet: use network host, bridge or none, and publish with mode=host",
    );
  }
  return passOn;
}

/** `?scope=swarm`: the predefined networks as services know them. */
function inspect(call: Call): Answer | Promise<Answer> {
  if (call.query.get("scope") !== "swarm") return passOn;
  const request = { ...call.request, path: predefinedPath(encodeURIComponent(call.id)), query: "" };
  return callLeader({ ...call, request }, { where: "leader", handle: inspectPredefined });
}

/** Where the leader is asked for it: the path that was called is this node's engine's too. */
function predefinedPath(id: string): string {
  return `/skep/v1/networks/${id}`;
}

function inspectPredefined({ control, id }: LeaderCall): Answer {
  const table = control.view.table("network");
  const network = table.get(id) ?? [...table.by("name", id)][0];
  if (network === undefined) throw new SwarmError("NotFound", `network ${id} not found`);
  return jsonText(toJson(networkJson(network)));
}

function networkJson(network: Network): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: timeText(network.meta?.createdAt),
    Scope: "swarm",
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: null,
    Options: null,
    Labels: { "com.docker.swarm.predefined": "true" },
  };
}

function createVolume({ request }: Call): Answer {
  if (readBody(request, "CreateOptions").has("ClusterVolumeSpec")) throw clusterVolumes();
  return passOn;
}

function clusterVolumes(): SwarmError {
  return new SwarmError("Unimplemented", "cluster volumes are not built yet: use a mount of type volume or bind");
}
