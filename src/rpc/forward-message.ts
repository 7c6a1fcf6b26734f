// A request on its way to the leader and its answer, apart from gRPC: the shapes both ends use, and their bounds.

/** A request with its body; structurally the API's. */
export interface ForwardRequest {
  /** The same for every try at one write. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** Structurally the API's answer. */
export interface ForwardAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ForwardBody;
}

export type ForwardBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Made while it is sent. */
  | { readonly kind: "pieces"; readonly pieces: Iterable<Uint8Array> }
  /** Comes when it comes; headers are sent at once. */
  | { readonly kind: "stream"; readonly stream: AsyncIterable<Uint8Array> };

/** The manager asked does not lead. */
export interface NotLeadingAnswer {
  readonly notLeading: true;
}

/** Of a body, in one message. */
export const chunkBytesMax = 256 * 1024;
/** Of a request's body in all: what the API takes. */
export const forwardedBytesMax = 4 * 1024 * 1024;
/** An answer up to this is whole before it is passed on; a longer one is passed on as it comes. */
export const gatheredBytesMax = 1024 * 1024;
