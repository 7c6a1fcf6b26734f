// A request and an answer, apart from how they travel: node's HTTP server, a leader's stream and tests bind them.

/** A request of ours; its body has been read whole, except by a route that takes an upload. */
export interface ApiRequest {
  /** The same for every try at one write, so that it happens once. Of a read: whatever. */
  readonly id: string;
  readonly method: string;
  /** As it came: version in front, without query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** The body of any size as it comes, to be read once; only on a route that takes one. Throws when it breaks off. */
  readonly upload?: AsyncIterable<Uint8Array>;
  /** Aborts when whoever asked has gone. */
  closed(): AbortSignal;
  /** The same for who needs no signal, which is not cheap: calls `fn` then. Returns how to stop that. */
  whenClosed?(fn: (reason: unknown) => void): () => void;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ApiBody;
}

export type ApiBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Made while it is sent: a list of many rows. */
  | { readonly kind: "pieces"; readonly pieces: Iterable<Uint8Array> }
  /** Comes when it comes: events. Headers are sent at once. */
  | { readonly kind: "stream"; readonly stream: AsyncIterable<Uint8Array> };

export const requestBytesMax = 4 * 1024 * 1024;

/** Exactly this: the CLI reads an error's message only then (docker-api.md trap 1). */
export const jsonHeaders: Readonly<Record<string, string>> = { "Content-Type": "application/json" };

const utf8 = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return utf8.encode(text);
}

export function textBody(text: string): ApiBody {
  return { kind: "bytes", bytes: bytesOf(text) };
}

export const emptyBody: ApiBody = { kind: "bytes", bytes: new Uint8Array(0) };

/** An answer without a body. */
export function done(status = 200): ApiResponse {
  return { status, headers: {}, body: emptyBody };
}

/** JSON that is already text; Docker's ends in a newline. */
export function jsonText(text: string, status = 200): ApiResponse {
  return { status, headers: jsonHeaders, body: textBody(`${text}\n`) };
}

/** Messages repeat what a client sent; they need not repeat all of it. */
const messageLengthMax = 1_000;

/** `{"message": …}`: what every Docker client shows of a failure. */
export function errorResponse(status: number, message: string): ApiResponse {
  const text = message.length > messageLengthMax ? `${message.slice(0, messageLengthMax - 1)}…` : message;
  return jsonText(JSON.stringify({ message: text }), status);
}
