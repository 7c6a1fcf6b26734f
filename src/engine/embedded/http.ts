// The embedded engine over HTTP, as far as looking at it and ending its containers goes: ping, version, info, images,
// containers (list, inspect, logs, stop, kill) and events, in Docker's JSON. A pure handler: who binds it to a socket, and
// passes requests through to it, is the api. What is not here answers 501 and says so.

import { httpStatusOf, messageOf, SwarmError } from "../../base/index.js";
import { apiVersionMax } from "../bounds.js";
import { containerJson, eventJson, imageJson, infoJson, summaryJson, versionJson } from "./encode.js";
import type { EmbeddedEngine } from "./engine.js";
import type { EngineEvent } from "./events.js";
import { containerFilter, eventFilter, parseFilters } from "./filters.js";
import { familiarName } from "./images.js";
import { embeddedVersion } from "./info.js";
import type { Machine } from "./machine.js";

export interface EmbeddedRequest {
  readonly method: string;
  /** Escaped, with or without `/v1.50`, without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Ends what streams. */
  readonly signal: AbortSignal;
}

export interface EmbeddedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<Uint8Array>;
}

interface Asked {
  readonly engine: EmbeddedEngine;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  /** The piece of the path that names a container. */
  readonly name: string;
}

type Handler = (asked: Asked) => EmbeddedResponse | Promise<EmbeddedResponse>;

const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
  ["HEAD", /^\/_ping$/, () => answer(200, "", "text/plain; charset=utf-8")],
  ["GET", /^\/_ping$/, () => answer(200, "OK", "text/plain; charset=utf-8")],
  ["GET", /^\/version$/, () => json(versionJson())],
  ["GET", /^\/info$/, async ({ engine, signal }) => json(infoJson(engine, await engine.info(signal)))],
  ["GET", /^\/images\/json$/, ({ engine }) => json(engine.images.map(imageJson))],
  ["GET", /^\/containers\/json$/, listContainers],
  ["GET", /^\/containers\/([^/]+)\/json$/, inspectContainer],
  ["GET", /^\/containers\/([^/]+)\/logs$/, containerLogs],
  ["POST", /^\/containers\/([^/]+)\/stop$/, stopContainer],
  ["POST", /^\/containers\/([^/]+)\/kill$/, killContainer],
  ["GET", /^\/events$/, streamEvents],
];

/** Never throws: a failure is an answer too. */
export async function handleEmbedded(engine: EmbeddedEngine, request: EmbeddedRequest): Promise<EmbeddedResponse> {
  try {
    const path = request.path.replace(/^\/v1\.\d+(?=\/)/, "");
    for (const [method, pattern, handler] of routes) {
      const match = method === request.method ? pattern.exec(path) : null;
      if (!match) continue;
      await engine.answering(request.signal);
      const name = decodeURIComponent(match[1] ?? "");
      return await handler({ engine, query: new URLSearchParams(request.query), signal: request.signal, name });
    }
    const why = `${request.method} ${path} is not something the embedded engine does; it needs a Docker Engine (--engine)`;
    throw new SwarmError("Unimplemented", why);
  } catch (error) {
    return failure(error);
  }
}

function listContainers({ engine, query }: Asked): EmbeddedResponse {
  const filters = parseFilters(query.get("filters"));
  const all = isTrue(query.get("all")) || filters.has("status");
  const matches = containerFilter(filters);
  const shown = engine.machines.filter((each) => (all || each.phase.kind === "running") && matches(each));
  const limit = Number(query.get("limit") ?? 0);
  const nowMs = engine.clock.now();
  const rows = (limit > 0 ? shown.slice(0, limit) : shown).map((each) =>
    summaryJson(each, imageId(engine, each), nowMs),
  );
  return json(rows);
}

function inspectContainer({ engine, name }: Asked): EmbeddedResponse {
  const machine = find(engine, name);
  return json(containerJson(machine, imageId(engine, machine)));
}

function containerLogs({ engine, query, name, signal }: Asked): EmbeddedResponse {
  const machine = find(engine, name);
  const wanted = new Set((["stdout", "stderr"] as const).filter((stream) => isTrue(query.get(stream))));
  if (wanted.size === 0) {
    throw new SwarmError("InvalidArgument", "Bad parameters: you must choose at least one stream");
  }
  const isRaw = machine.config.Tty === true;
  const body = logBytes(engine, machine, query, wanted, isRaw, signal);
  return answer(200, body, `application/vnd.docker.${isRaw ? "raw" : "multiplexed"}-stream`);
}

async function* logBytes(
  engine: EmbeddedEngine,
  machine: Machine,
  query: URLSearchParams,
  wanted: ReadonlySet<string>,
  isRaw: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const tail = /^\d+$/.test(query.get("tail") ?? "") ? { tail: Number(query.get("tail")) } : {};
  const options = { follow: isTrue(query.get("follow")), since: query.get("since") ?? "0", ...tail };
  for await (const { stream, timestamp, line } of engine.logs(machine.id, options, signal)) {
    if (!wanted.has(stream)) continue;
    const text = `${isTrue(query.get("timestamps")) ? `${timestamp} ` : ""}${new TextDecoder().decode(line)}\n`;
    const payload = new TextEncoder().encode(text);
    yield isRaw ? payload : framed(stream, payload);
  }
}

/** Docker's header of a piece of output: stream, three zeros, length. */
function framed(stream: "stdout" | "stderr", payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + payload.length);
  frame[0] = stream === "stdout" ? 1 : 2;
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, 8);
  return frame;
}

async function stopContainer({ engine, query, name, signal }: Asked): Promise<EmbeddedResponse> {
  const machine = find(engine, name);
  if (machine.phase.kind !== "running") return answer(304, "");
  const t = query.get("t");
  if (t !== null && !/^-?\d+$/.test(t))
    throw new SwarmError("InvalidArgument", `invalid stop timeout ${JSON.stringify(t)}`);
  await engine.stop(machine.id, t === null ? undefined : Number(t), signal);
  return answer(204, "");
}

async function killContainer({ engine, query, name, signal }: Asked): Promise<EmbeddedResponse> {
  const machine = find(engine, name);
  if (machine.phase.kind !== "running") {
    return problem(409, `Cannot kill container: ${name}: Container ${machine.id} is not running`);
  }
  await engine.kill(machine.id, query.get("signal") ?? "SIGKILL", signal);
  return answer(204, "");
}

function streamEvents({ engine, query, signal }: Asked): EmbeddedResponse {
  const matches = eventFilter(parseFilters(query.get("filters")));
  const since = query.get("since");
  const until = query.get("until");
  const sinceMs = since === null ? undefined : Number(since) * 1000;
  const untilMs = until === null ? Number.POSITIVE_INFINITY : Number(until) * 1000;
  if (Number.isNaN(sinceMs ?? 0) || Number.isNaN(untilMs)) {
    throw new SwarmError("InvalidArgument", "since and until must be seconds since 1970");
  }
  return answer(200, eventBytes(engine, sinceMs, untilMs, matches, signal));
}

async function* eventBytes(
  engine: EmbeddedEngine,
  sinceMs: number | undefined,
  untilMs: number,
  matches: (event: EngineEvent) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = new AbortController();
  const onAbort = (): void => end.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = engine.clock.after(untilMs - engine.clock.now(), () => end.abort());
  try {
    const from = sinceMs === undefined ? engine.nextEvent : 0;
    for await (const event of engine.eventStream(from, untilMs > engine.clock.now(), end.signal)) {
      if (event.wallMs >= (sinceMs ?? 0) && event.wallMs <= untilMs && matches(event)) yield encoded(eventJson(event));
    }
  } catch (error) {
    // The caller's time is over: an end, not a failure.
    if (!end.signal.aborted || signal.aborted) throw error;
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

/** Full id, then name, then the only id that begins so: Docker's order. */
function find(engine: EmbeddedEngine, name: string): Machine {
  const { machines } = engine;
  const exact =
    machines.find(({ id }) => id === name) ?? machines.find((each) => each.name === name.replace(/^\//, ""));
  if (exact) return exact;
  const [first, second] = machines.filter(({ id }) => id.startsWith(name));
  if (!first) throw new SwarmError("NotFound", `No such container: ${name}`);
  if (second) throw new SwarmError("InvalidArgument", `multiple IDs found with provided prefix: ${name}`);
  return first;
}

function imageId(engine: EmbeddedEngine, machine: Machine): string {
  const name = familiarName(machine.config.Image);
  return engine.images.find((image) => image.name === name)?.id ?? "";
}

/** Docker's loose reading of a boolean in a query. */
function isTrue(value: string | null): boolean {
  return value !== null && !["", "0", "no", "false", "none"].includes(value.toLowerCase());
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function json(value: object): EmbeddedResponse {
  return answer(200, `${JSON.stringify(value)}\n`);
}

function failure(error: unknown): EmbeddedResponse {
  const status = error instanceof URIError ? 400 : error instanceof SwarmError ? httpStatusOf[error.kind] : 500;
  return problem(status, messageOf(error));
}

function problem(status: number, message: string): EmbeddedResponse {
  return answer(status, `${JSON.stringify({ message })}\n`);
}

function answer(status: number, body: EmbeddedResponse["body"], contentType = "application/json"): EmbeddedResponse {
  const headers = {
    "Api-Version": apiVersionMax,
    "Docker-Experimental": "false",
    Ostype: "linux",
    Server: `Skep/${embeddedVersion} (linux)`,
    ...(status === 204 || status === 304 ? {} : { "Content-Type": contentType }),
  };
  return { status, headers, body };
}
