// Expected failures: typed, in the user's words, and the one table from their kind to an HTTP status.

/**
 * The kind of a failure, named after gRPC's codes because Docker shows those names in its messages
 * (`rpc error: code = InvalidArgument desc = …`).
 */
export type ErrorKind =
  | "InvalidArgument"
  | "FailedPrecondition"
  | "OutOfRange"
  | "NotFound"
  | "AlreadyExists"
  | "Unauthenticated"
  | "PermissionDenied"
  | "Unavailable"
  | "Unimplemented"
  | "ResourceExhausted"
  | "Aborted"
  | "DeadlineExceeded"
  | "Unknown"
  | "Internal";

/** HTTP status per kind: docker-api.md §1.1 "Status mapping from errors". */
export const httpStatusOf: Readonly<Record<ErrorKind, number>> = {
  InvalidArgument: 400,
  FailedPrecondition: 400,
  OutOfRange: 400,
  NotFound: 404,
  AlreadyExists: 409,
  Unauthenticated: 401,
  PermissionDenied: 403,
  Unavailable: 503,
  Unimplemented: 501,
  ResourceExhausted: 500,
  Aborted: 500,
  DeadlineExceeded: 500,
  Unknown: 500,
  Internal: 500,
};

export interface SwarmErrorOptions {
  readonly cause?: unknown;
  /**
   * True where Docker's daemon passes the failure on from its cluster store, so that its message carries the
   * `rpc error: code = X desc = ` prefix (docker-api.md trap 7).
   */
  readonly rpc?: boolean;
}

/** A failure that was expected. `message` is what the user reads; it never holds a secret. */
export class SwarmError extends Error {
  override readonly name = "SwarmError";
  readonly kind: ErrorKind;
  readonly rpc: boolean;

  constructor(kind: ErrorKind, message: string, options: SwarmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.rpc = options.rpc ?? false;
  }

  /** The text a Docker client is shown. */
  get dockerMessage(): string {
    return this.rpc ? `rpc error: code = ${this.kind} desc = ${this.message}` : this.message;
  }
}

/** An `rpc error: code = …` failure, as Docker's cluster store gives them. */
export function rpcError(kind: ErrorKind, message: string): SwarmError {
  return new SwarmError(kind, message, { rpc: true });
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
