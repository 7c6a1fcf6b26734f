// How a node gets its first certificate: it takes a manager's root only if the token was made for it, makes a key, and
// shows the token.

import { SwarmError, sleep } from "../../base/index.js";
import { IssueRequest } from "../../gen/skep/v1/ca.js";
import type { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { type ParsedToken, parseJoinToken } from "../../manager/ca/index.js";
import { fetchRoot, issueCertificate, remoteAddress } from "../../rpc/index.js";
import { heldFrom, type IdentityModules } from "./credentials.js";
import { storePems } from "./files.js";
import { NodeIdentity } from "./identity.js";

/** Each address is tried this often, a second apart: a manager may be starting, or have no leader yet. */
const roundsMax = 5;
const roundDelayMs = 1_000;
/** Addresses a user may give. */
const addressesMax = 64;

export interface JoinOptions {
  /** host or host:port of managers. */
  readonly remoteAddrs: readonly string[];
  readonly token: string;
  readonly availability: NodeAvailability;
  readonly hostname: string;
  /** Bounds the whole: Docker's daemon waits 20 s. */
  readonly signal: AbortSignal;
}

export interface Joined {
  readonly identity: NodeIdentity;
  /** The manager that answered, host:port. */
  readonly managerAddr: string;
}

/** Stored and in force when it resolves. Rejects in words for whoever typed the command. */
export async function joinSwarm(options: JoinOptions, modules: IdentityModules): Promise<Joined> {
  const token = parseJoinToken(options.token);
  const addrs = checkedAddresses(options.remoteAddrs);
  const request = await modules.pki.createRequest();
  let worst: unknown;
  for (let round = 1; round <= roundsMax; round += 1) {
    if (round > 1) await sleep(modules.clock, roundDelayMs, options.signal);
    for (const addr of addrs) {
      try {
        return await joinAt(addr, { token, request, options, modules });
      } catch (error) {
        options.signal.throwIfAborted();
        worst = worseOf(worst, error);
      }
    }
    if (isFinal(worst)) break;
  }
  throw worst;
}

interface Joining {
  readonly token: ParsedToken;
  readonly request: { readonly csr: string; readonly key: string };
  readonly options: JoinOptions;
  readonly modules: IdentityModules;
}

async function joinAt(addr: string, { token, request, options, modules }: Joining): Promise<Joined> {
  const { signal, hostname, availability } = options;
  const root = await fetchRoot(addr, signal);
  checkDigest(addr, token, modules.pki.digest(root));
  const asked = IssueRequest.fromPartial({ csr: request.csr, joinToken: options.token, hostname, availability });
  const { certificate, nodeId, clusterId } = await issueCertificate(addr, { root }, asked, signal);
  const held = heldFrom({ root, certificate, key: request.key }, modules.pki, `the certificate from ${addr}`, {
    nodeId,
    clusterId,
  });
  await storePems(modules.disk, held);
  return { identity: new NodeIdentity(held, modules), managerAddr: addr };
}

/** I4. */
function checkDigest(addr: string, token: ParsedToken, digest: string): void {
  if (digest === token.digest) return;
  throw new SwarmError(
    "FailedPrecondition",
    `${addr} belongs to another swarm: its certificate authority is ${short(digest)}, the token was made for ${short(token.digest)}.\nGet the right token there with 'skep swarm join-token worker'.`,
  );
}

function short(digest: string): string {
  return `${digest.slice(0, 4)}…`;
}

function checkedAddresses(remoteAddrs: readonly string[]): readonly string[] {
  if (remoteAddrs.length === 0) {
    throw new SwarmError("InvalidArgument", "at least 1 RemoteAddr is required to join");
  }
  if (remoteAddrs.length > addressesMax) {
    throw new SwarmError("InvalidArgument", `at most ${addressesMax} addresses of managers can be given`);
  }
  return remoteAddrs.map(remoteAddress);
}

/** An answer says more than silence: of several failures the user reads the one that is about what was typed. */
function worseOf(known: unknown, error: unknown): unknown {
  return known === undefined || !isFinal(known) ? error : known;
}

/** Trying again would not help. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof SwarmError)) return true;
  return error.kind !== "Unavailable" && error.kind !== "ResourceExhausted" && error.kind !== "DeadlineExceeded";
}
