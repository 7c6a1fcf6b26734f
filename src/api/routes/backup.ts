// /skep/v1/backup and /skep/v1/restore: a swarm's state as one file, and a swarm made of one. Ours alone.

import { SwarmError } from "../../base/index.js";
import { advertiseAddress, dataPathAddress, listenAddress, parseTcpAddress } from "../addresses.js";
import { type Call, here, type RouteSpec, takesUpload } from "../call.js";
import { type ApiResponse, jsonText } from "../http.js";
import type { RestoreOptions } from "../modules.js";
import { alreadyInSwarm, checkedUnlockKey, unavailable } from "../texts.js";
import { refuseNonManager } from "../to-leader.js";

const defaultListenAddr = "0.0.0.0:2377";

export const backupRoutes: readonly RouteSpec[] = [
  here("GET", "/skep/v1/backup", backup),
  takesUpload("POST", "/skep/v1/restore", restore),
];

/** From any manager, with or without a leader: its own store is what it can answer for. */
async function backup({ request, shared }: Call): Promise<ApiResponse> {
  const { node } = shared.modules;
  refuseNonManager(node);
  if (node.backup === undefined) throw notBuilt("backups are", "stop the daemon and copy its data folder");
  const stream = await node.backup(request.closed());
  return { status: 200, headers: { "Content-Type": "application/octet-stream" }, body: { kind: "stream", stream } };
}

async function restore(call: Call): Promise<ApiResponse> {
  const { node } = call.shared.modules;
  if (node.state().local !== "inactive") throw unavailable(alreadyInSwarm);
  if (node.restore === undefined) throw notBuilt("restoring backups is", "put a copied data folder in place");
  const { upload } = call.request;
  if (upload === undefined) throw new SwarmError("InvalidArgument", "no backup was sent");
  return jsonText(JSON.stringify(await node.restore(restoreOptions(call), upload)));
}

/** In a header, because a query may end up in a log. */
const unlockKeyHeader = "skep-unlock-key";

function restoreOptions({ query, request, shared }: Call): RestoreOptions {
  const interfaces = shared.modules.interfaces();
  const requested = parseTcpAddress(query.get("listenAddr") || defaultListenAddr, "ListenAddr");
  const listenAddr = listenAddress(requested, interfaces);
  return {
    listenAddr,
    advertiseAddr: advertiseAddress(query.get("advertiseAddr"), listenAddr, interfaces),
    dataPathAddr: dataPathAddress(query.get("dataPathAddr"), interfaces),
    unlockKey: unlockKeyIn(request.headers[unlockKeyHeader]),
  };
}

function unlockKeyIn(header: string | undefined): string | undefined {
  return header === undefined ? undefined : checkedUnlockKey(header);
}

function notBuilt(what: string, instead: string): SwarmError {
  return new SwarmError("Unimplemented", `${what} not built yet: ${instead}`);
}
