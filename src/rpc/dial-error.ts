// Why a call to a manager failed, in words that say what to look at. gRPC gives a connection's failure as a sentence
// around the system's or OpenSSL's own.

import { type ServiceError, status } from "@grpc/grpc-js";
import { SwarmError } from "../base/index.js";
import { kindOf, leaderTrailer, NodeRemoved, NotTheLeader, removedTrailer } from "./status.js";

/** The failure of a call to `addr` as what the user reads. */
export function dialError(error: ServiceError, addr: string): SwarmError {
  const said = error.details || error.message;
  if (error.metadata?.get(removedTrailer)[0] !== undefined) return new NodeRemoved(said);
  const leaderAddr = error.metadata?.get(leaderTrailer)[0];
  if (leaderAddr !== undefined) return new NotTheLeader(String(leaderAddr));
  const isOfConnection = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED;
  const row = isOfConnection ? connectionFailures.find(([pattern]) => pattern.test(said)) : undefined;
  return row ? new SwarmError("Unavailable", row[1](addr), { cause: error }) : new SwarmError(kindOf(error), said);
}

/** Why a line to `addr` broke; undefined: it was closed without a word. */
export function lineFailure(error: NodeJS.ErrnoException | undefined, addr: string): SwarmError {
  const said = error === undefined ? "closed" : `${error.code ?? ""} ${error.message}`;
  const row = connectionFailures.find(([pattern]) => pattern.test(said));
  return new SwarmError("Unavailable", row ? row[1](addr) : `${addr}: ${said.trim()}`, { cause: error });
}

type Row = readonly [RegExp, (addr: string) => string];

/** The first that matches: a failed handshake's sentence may name the closed connection too. */
const connectionFailures: readonly Row[] = [
  [/ECONNREFUSED/, (addr) => `cannot reach ${addr}: connection refused; is it a manager's address, and does Skep run?`],
  [/EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, (addr) => `cannot reach ${addr}: no route to the host`],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, (addr) => `cannot reach ${addr}: no such host`],
  [/certificate has expired/i, (addr) => `the certificate of the manager at ${addr} has expired`],
  [
    /certificate is not yet valid/i,
    (addr) => `the certificate of the manager at ${addr} is not valid yet: compare the clocks of both machines`,
  ],
  [
    /self.signed certificate|unable to (verify|get)|signature failure|UNABLE_TO/i,
    (addr) => `${addr} belongs to another swarm: its certificate is not of this swarm's certificate authority`,
  ],
  [/altnames|ALTNAME/i, (addr) => `${addr} is not a manager of this swarm: its certificate does not say so`],
  [
    /no application protocol/i,
    (addr) =>
      `${addr} does not speak what this version of Skep speaks: is it a manager's port, and what version runs there?`,
  ],
  [
    /wrong version number|EPROTO|packet length|unexpected message|ssl3_|http2/i,
    (addr) => `${addr} is not the port of a swarm manager: it does not speak gRPC over TLS`,
  ],
  [/Deadline exceeded|ETIMEDOUT/i, (addr) => `${addr} did not answer in time; is port 2377/tcp open to this machine?`],
  [
    /ECONNRESET|EPIPE|disconnected|Connection dropped|closed|hang up|ECONNABORTED/i,
    (addr) => `${addr} closed the connection`,
  ],
];
