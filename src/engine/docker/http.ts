// One HTTP exchange with an engine over its socket, with an end in every case: the caller's signal, a bound, or the
// liveness check when the engine falls silent during a call that may rightly take long.

import { Agent, type IncomingMessage, request } from "node:http";
import { type Clock, SwarmError } from "../../base/index.js";
import type { SocketAddress } from "../address.js";
import { answerBytesMax } from "../bounds.js";
import { refusal, silent, tooLong, unreachable } from "./errors.js";

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Call {
  /** For messages: what is being done, to which container or image. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole exchange must end within this; absent = as long as the engine is alive. */
  readonly boundMs?: number;
  /** True: past the bound the engine counts as silent. False: it is watched by pings, and a late answer is its own failure. */
  readonly quick: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Connections open at once; each stop under way and each stream holds one. */
const connectionsMax = 1024;

/** Ends calls when the engine falls silent: `watch` until the returned function is called. */
export interface Watch {
  watch(end: AbortController): () => void;
}

export class EngineHttp {
  readonly #address: SocketAddress;
  readonly #clock: Clock;
  readonly #watch: Watch;
  // A connection per call: over a unix socket it costs 0.1 ms, and no call ever meets one that died while idle.
  readonly #agent = new Agent({ keepAlive: false, maxSockets: connectionsMax });

  constructor(address: SocketAddress, modules: { readonly clock: Clock; readonly watch: Watch }) {
    this.#address = address;
    this.#clock = modules.clock;
    this.#watch = modules.watch;
  }

  /** Sends and reads the whole answer; fails on 400 and above. */
  async send(method: string, path: string, call: Call): Promise<Answer> {
    const exchange = this.#begin(method, path, call);
    try {
      const response = await exchange.response;
      const answer = { status: response.statusCode ?? 0, headers: response.headers, body: await readAll(response) };
      if (answer.status >= 400) throw refusal(answer.status, answer.body, call.what);
      return answer;
    } catch (error) {
      throw exchange.reasonOf(error);
    } finally {
      exchange.close();
    }
  }

  /** Sends and hands on the body as it comes; fails on 400 and above, and when the stream breaks. */
  async *stream(method: string, path: string, call: Call): AsyncGenerator<Uint8Array, void, undefined> {
    const exchange = this.#begin(method, path, call);
    try {
      const response = await exchange.response;
      const status = response.statusCode ?? 0;
      if (status >= 400) throw refusal(status, await readAll(response), call.what);
      for await (const chunk of response) yield chunk as Uint8Array;
    } catch (error) {
      throw exchange.reasonOf(error);
    } finally {
      exchange.close();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #begin(method: string, path: string, call: Call): Exchange {
    const end = new AbortController();
    const closers = [this.#deadline(end, call), call.quick ? nothing : this.#watch.watch(end)];
    const onAbort = (): void => end.abort(call.signal.reason);
    call.signal.addEventListener("abort", onAbort, { once: true });
    if (call.signal.aborted) onAbort();
    const wire = exchangeOf(this.#address, this.#agent, method, path, call, end.signal);
    return {
      response: wire.response,
      reasonOf: (error) => this.#reasonOf(error, end.signal),
      close: () => {
        call.signal.removeEventListener("abort", onAbort);
        for (const close of closers) close();
        wire.destroy();
      },
    };
  }

  #deadline(end: AbortController, call: Call): () => void {
    const boundMs = call.boundMs;
    if (boundMs === undefined) return nothing;
    const late = (): void =>
      end.abort(call.quick ? silent(this.#address, call.what, boundMs) : tooLong(call.what, boundMs));
    const timer = this.#clock.after(boundMs, late);
    return () => timer.cancel();
  }

  #reasonOf(error: unknown, end: AbortSignal): unknown {
    if (end.aborted) return end.reason;
    return error instanceof SwarmError ? error : unreachable(this.#address, error);
  }
}

interface Exchange {
  readonly response: Promise<IncomingMessage>;
  /** What ended it: the signal, the bound, the engine's refusal or a broken connection. */
  reasonOf(error: unknown): unknown;
  close(): void;
}

function nothing(): void {}

function exchangeOf(
  address: SocketAddress,
  agent: Agent,
  method: string,
  path: string,
  call: Call,
  end: AbortSignal,
): { readonly response: Promise<IncomingMessage>; destroy(): void } {
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  const outgoing = request({
    ...(address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port }),
    agent,
    method,
    path: path + queryText(call.query),
    headers: {
      Host: "docker",
      "User-Agent": "skep",
      ...(body ? { "Content-Type": "application/json", "Content-Length": body.length } : {}),
      ...call.headers,
    },
  });
  const destroy = (): void => void outgoing.destroy();
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve).on("error", reject);
    if (end.aborted) destroy();
    end.addEventListener("abort", destroy, { once: true });
  });
  // A caller that is aborted before it awaits must not leave a rejection without an owner.
  response.catch(nothing);
  outgoing.end(body);
  return { response, destroy };
}

function queryText(query: Query | undefined): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(key, String(value));
  return search.size === 0 ? "" : `?${search.toString()}`;
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > answerBytesMax) throw new SwarmError("Unknown", `the engine's answer exceeds ${answerBytesMax} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Builds a path; every value put in is escaped, so that no name can reach another endpoint. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((built, part, at) => built + segment(values[at - 1] ?? "") + part);
}

function segment(value: string): string {
  try {
    if (value !== "" && value !== "." && value !== "..") return encodeURIComponent(value);
  } catch {
    // Half a surrogate pair: no name either.
  }
  throw new SwarmError("InvalidArgument", `invalid container or image name: ${JSON.stringify(value)}`);
}
