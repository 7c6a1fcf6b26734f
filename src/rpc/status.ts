// Typed failures as gRPC statuses and back: the kinds are gRPC's own names.

import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type ErrorKind, type Log, messageOf, SwarmError } from "../base/index.js";
import type { LineEnd } from "../gen/skep/v1/line.js";

const codeByKind: Readonly<Record<ErrorKind, status>> = {
  InvalidArgument: status.INVALID_ARGUMENT,
  FailedPrecondition: status.FAILED_PRECONDITION,
  OutOfRange: status.OUT_OF_RANGE,
  NotFound: status.NOT_FOUND,
  AlreadyExists: status.ALREADY_EXISTS,
  Unauthenticated: status.UNAUTHENTICATED,
  PermissionDenied: status.PERMISSION_DENIED,
  Unavailable: status.UNAVAILABLE,
  Unimplemented: status.UNIMPLEMENTED,
  ResourceExhausted: status.RESOURCE_EXHAUSTED,
  Aborted: status.ABORTED,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  Unknown: status.UNKNOWN,
  Internal: status.INTERNAL,
};

const kindByCode: ReadonlyMap<status, ErrorKind> = new Map(
  Object.entries(codeByKind).map(([kind, code]) => [code, kind as ErrorKind]),
);

/** Trailer in which a manager that does not lead names the one that does. */
export const leaderTrailer = "skep-leader";

/** Trailer of a refusal whose reason is that the node was removed. */
export const removedTrailer = "skep-removed";

export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** A manager that does not lead was asked what only the leader answers. */
export class NotTheLeader extends SwarmError {
  /** host:port, or "" when unknown. */
  readonly leaderAddr: string;

  constructor(leaderAddr: string) {
    super("Unavailable", "this manager does not lead the swarm");
    this.leaderAddr = leaderAddr;
  }
}

/** This node was removed from its swarm: no manager talks to it any more. */
export class NodeRemoved extends SwarmError {
  constructor(message: string) {
    super("PermissionDenied", message);
  }
}

/** What the caller is told. Whatever is no expected failure stays here: the log has it, the caller a plain sentence. */
export function statusOf(error: unknown, log: Log): CallStatus {
  const metadata = new Metadata();
  if (error instanceof NotTheLeader) metadata.set(leaderTrailer, error.leaderAddr);
  if (error instanceof SwarmError) return { code: codeByKind[error.kind], details: error.message, metadata };
  log.error("a call failed", { error: messageOf(error) });
  return { code: status.INTERNAL, details: "internal error: the manager's log says more", metadata };
}

/** The kind of a failed call. */
export function kindOf(error: Pick<ServiceError, "code">): ErrorKind {
  return kindByCode.get(error.code) ?? "Unknown";
}

/** What the other end of a line said when it ended it. */
export function errorOf({ code, details, removed }: LineEnd): SwarmError {
  return removed ? new NodeRemoved(details) : new SwarmError(kindOf({ code }), details);
}
