// /swarm

import { SwarmError } from "../../base/index.js";
import { initialClusterSpec, validateCluster } from "../../model/index.js";
import { advertiseAddress, dataPathAddress, listenAddress, parseTcpAddress } from "../addresses.js";
import { atLeader, type Call, here, type LeaderCall, type RouteSpec } from "../call.js";
import { readBody } from "../decode/body.js";
import type { Query } from "../decode/query.js";
import type { Reader } from "../decode/reader.js";
import { decodeAvailability, decodeSwarm } from "../decode/swarm.js";
import { encodeSwarm } from "../encode/cluster.js";
import { toJson } from "../encode/json.js";
import { type ApiResponse, done, jsonText } from "../http.js";
import type { InitOptions, JoinOptions } from "../modules.js";
import { alreadyInSwarm, checkedUnlockKey, locked, notInSwarm, unavailable } from "../texts.js";
import { leaveSwarm } from "./leave.js";

/** Docker's range for the port of the data plane. */
const dataPathPortMin = 1024;
const dataPathPortMax = 49_151;

export const swarmRoutes: readonly RouteSpec[] = [
  atLeader("GET", "/swarm", inspect),
  atLeader("POST", "/swarm/update", update),
  atLeader("GET", "/swarm/unlockkey", unlockKey),
  here("POST", "/swarm/init", init),
  here("POST", "/swarm/join", join),
  here("POST", "/swarm/leave", leaveSwarm),
  here("POST", "/swarm/unlock", unlock),
];

function inspect({ control }: LeaderCall): ApiResponse {
  const { cluster } = control.view;
  if (cluster === undefined) throw new SwarmError("NotFound", "no such cluster");
  return jsonText(toJson(encodeSwarm(cluster)));
}

async function update({ control, query, request }: LeaderCall): Promise<ApiResponse> {
  const version = query.version("swarm");
  const rotate = {
    worker: rotation(query, "rotateWorkerToken"),
    manager: rotation(query, "rotateManagerToken"),
    unlockKey: rotation(query, "rotateManagerUnlockKey"),
  };
  const spec = decodeSwarm(readBody(request, "Spec"), "zero");
  await control.cluster.update(request.id, version, spec, rotate);
  return done();
}

/** Secret, and asked for: "" while managers are not locked. */
function unlockKey({ control }: LeaderCall): ApiResponse {
  return jsonText(JSON.stringify({ UnlockKey: control.cluster.unlockKey() }));
}

function rotation(query: Query, name: string): boolean {
  try {
    return query.flag(name);
  } catch {
    throw new SwarmError("InvalidArgument", `invalid value for ${name}: ${query.get(name).slice(0, 200)}`);
  }
}

async function init(call: Call): Promise<ApiResponse> {
  const body = readBody(call.request, "InitRequest");
  const { node } = call.shared.modules;
  const forced = body.flag("ForceNewCluster");
  const { local } = node.state();
  // Refusals about the request come before those about the node's state, except that a node has one swarm.
  if (!forced || local === "locked") refuseMember(call);
  const isMember = local !== "inactive";
  const nodeId = await node.init(forced && isMember ? forcedOptions(body, call) : initOptions(body, call));
  return jsonText(JSON.stringify(nodeId));
}

function initOptions(body: Reader, call: Call): InitOptions {
  const interfaces = call.shared.modules.interfaces();
  const listenAddr = listenAddress(parseTcpAddress(body.text("ListenAddr"), "ListenAddr"), interfaces);
  return optionsOf(body, call, {
    listenAddr,
    advertiseAddr: advertiseAddress(body.text("AdvertiseAddr"), listenAddr, interfaces),
  });
}

/** A member goes on under the addresses it has, where no others are given. */
function forcedOptions(body: Reader, call: Call): InitOptions {
  const interfaces = call.shared.modules.interfaces();
  const [requested, advertised] = [body.text("ListenAddr"), body.text("AdvertiseAddr")];
  const listenAddr = requested && listenAddress(parseTcpAddress(requested, "ListenAddr"), interfaces);
  return optionsOf(body, call, {
    listenAddr,
    advertiseAddr: advertised && advertiseAddress(advertised, listenAddr, interfaces),
  });
}

function optionsOf(
  body: Reader,
  call: Call,
  addresses: Pick<InitOptions, "listenAddr" | "advertiseAddr">,
): InitOptions {
  const asked = initialClusterSpec(decodeSwarm(body.object("Spec"), "default"));
  const autoLockManagers = asked.encryption?.autoLockManagers || body.flag("AutoLockManagers");
  const spec = { ...asked, encryption: { autoLockManagers } };
  validateCluster(spec);
  return {
    ...addresses,
    dataPathAddr: dataPathAddress(body.text("DataPathAddr"), call.shared.modules.interfaces()),
    dataPathPort: dataPathPort(body.smallCount("DataPathPort")),
    forceNewCluster: body.flag("ForceNewCluster"),
    spec,
    availability: decodeAvailability(body),
    ...addressPool(body),
  };
}

function dataPathPort(port: number): number {
  if (port === 0 || (port >= dataPathPortMin && port <= dataPathPortMax)) return port;
  throw new SwarmError(
    "InvalidArgument",
    `invalid port value: ${port}. The valid range is ${dataPathPortMin} - ${dataPathPortMax}`,
  );
}

function addressPool(body: Reader): Pick<InitOptions, "defaultAddressPool" | "subnetSize"> {
  const pool = body.texts("DefaultAddrPool");
  const subnetSize = body.smallCount("SubnetSize");
  for (const subnet of pool) {
    const prefix = Number(/^\d{1,3}(?:\.\d{1,3}){3}\/(\d{1,2})$/.exec(subnet)?.[1] ?? Number.NaN);
    if (!(prefix <= 32)) throw new SwarmError("InvalidArgument", `invalid CIDR address: ${subnet}`);
    if (prefix > subnetSize) {
      throw new SwarmError("InvalidArgument", `invalid CIDR: "${subnet}". Subnet size ${subnetSize} is larger than it`);
    }
  }
  if (subnetSize > 29) throw new SwarmError("InvalidArgument", `subnet mask size ${subnetSize} must not exceed 29`);
  return { defaultAddressPool: pool, subnetSize };
}

async function join(call: Call): Promise<ApiResponse> {
  const body = readBody(call.request, "JoinRequest");
  refuseMember(call);
  await call.shared.modules.node.join(joinOptions(body, call));
  return done();
}

function joinOptions(body: Reader, call: Call): JoinOptions {
  const interfaces = call.shared.modules.interfaces();
  const requested = parseTcpAddress(body.text("ListenAddr"), "ListenAddr");
  const remotes = body.texts("RemoteAddrs");
  if (remotes.length === 0) throw new SwarmError("InvalidArgument", "at least 1 RemoteAddr is required to join");
  const listenAddr = listenAddress(requested, interfaces);
  const advertised = body.text("AdvertiseAddr");
  return {
    listenAddr,
    advertiseAddr: advertised === "" ? "" : advertiseAddress(advertised, listenAddr, interfaces),
    dataPathAddr: dataPathAddress(body.text("DataPathAddr"), interfaces),
    remoteAddrs: remotes.map((remote) => parseTcpAddress(remote, "remoteAddr")),
    joinToken: joinToken(body.text("JoinToken")),
    availability: decodeAvailability(body),
  };
}

/** Its form only; whether it opens anything is the manager's to say. Never repeated in an error. */
function joinToken(token: string): string {
  if (/^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/.test(token)) return token;
  throw new SwarmError("Unknown", "invalid join token");
}

function refuseMember({ shared }: Call): void {
  const { local } = shared.modules.node.state();
  if (local === "locked") throw unavailable(locked);
  if (local !== "inactive") throw unavailable(alreadyInSwarm);
}

async function unlock({ request, shared }: Call): Promise<ApiResponse> {
  const key = readBody(request, "UnlockRequest").text("UnlockKey");
  const { local } = shared.modules.node.state();
  if (local === "inactive") throw unavailable(notInSwarm);
  if (local !== "locked") throw new SwarmError("AlreadyExists", "swarm is not locked");
  await shared.modules.node.unlock(checkedUnlockKey(key));
  return done();
}
