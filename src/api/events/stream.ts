// GET /events: the swarm's events and the engine's in one stream, a JSON object per line.

import { type Clock, messageOf, millis, SwarmError } from "../../base/index.js";
import type { Answer, Call } from "../call.js";
import { printable } from "../decode/body.js";
import type { Query } from "../decode/query.js";
import { toJson } from "../encode/json.js";
import { Filters } from "../filters.js";
import { bytesOf, errorResponse, jsonHeaders } from "../http.js";
import type { EngineResponse } from "../modules.js";
import { within } from "../within.js";
import { byLine } from "./lines.js";
import { merge } from "./merge.js";
import type { SwarmEvent } from "./swarm.js";

/** Headers of a stream are sent at once: the engine gets this long to refuse or to begin. */
const engineLimitMs = 1_000;

const filterKeys = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
];

interface Period {
  /** Milliseconds since 1970; absent: from now on. */
  readonly sinceMs: number | undefined;
  /** Absent: without end. */
  readonly untilMs: number | undefined;
}

export async function swarmEventStream(call: Call): Promise<Answer> {
  const { query, shared, request } = call;
  const { clock, node } = shared.modules;
  const filters = Filters.parse(query.get("filters"), filterKeys);
  const period = readPeriod(query, clock.now());
  const end = new AbortController();
  const signal = AbortSignal.any([request.closed(), end.signal]);
  const engine = await engineEvents(call, filters, signal);
  if (engine !== undefined && engine.status !== 200) return refused(engine);
  // A manager's own store has every change, whoever leads: its clients need not connect anew when the leader is another.
  const control = node.localControl?.() ?? node.control();
  const ours = control && swarmLines(shared.eventsOf(control).read(signal), filters, period, clock.now());
  endAt(clock, period.untilMs, end);
  const sources = [...(engine ? [byLine(engine.body)] : []), ...(ours ? [endingAll(ours, end)] : [])];
  return { status: 200, headers: jsonHeaders, body: { kind: "stream", stream: merge(sources, signal) } };
}

/** The whole stream ends with the swarm's part, so that a client asks again rather than miss events unknowingly. */
async function* endingAll<T>(ours: AsyncIterable<T>, end: AbortController): AsyncGenerator<T, void, void> {
  try {
    yield* ours;
  } finally {
    end.abort();
  }
}

function endAt(clock: Clock, untilMs: number | undefined, end: AbortController): void {
  if (untilMs === undefined) return;
  // One turn at least, so that what is kept already is still told.
  clock.after(Math.max(1, untilMs - clock.now()), () => end.abort());
}

async function engineEvents(call: Call, filters: Filters, signal: AbortSignal): Promise<EngineResponse | undefined> {
  const { modules } = call.shared;
  if (!filters.some("scope", (scope) => scope === "local")) return undefined;
  try {
    return await within(modules.clock, engineLimitMs, () =>
      modules.engine.fetch({ method: "GET", path: "/events", query: call.request.query, signal }),
    );
  } catch (error) {
    modules.log.debug("the engine's events are missing", { error: messageOf(error) });
    return undefined;
  }
}

async function refused(engine: EngineResponse): Promise<Answer> {
  let text = "";
  for await (const chunk of engine.body) text += Buffer.from(chunk).toString();
  return errorResponse(engine.status, printable(messageIn(text)));
}

function messageIn(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly message?: unknown }).message);
  } catch {
    return text;
  }
}

async function* swarmLines(
  events: AsyncIterable<SwarmEvent>,
  filters: Filters,
  { sinceMs, untilMs }: Period,
  nowMs: number,
): AsyncIterable<Uint8Array> {
  for await (const event of events) {
    const atMs = millis(event.time);
    if (atMs < (sinceMs ?? nowMs) || (untilMs !== undefined && atMs > untilMs)) continue;
    if (matches(event, filters)) yield bytesOf(`${toJson(eventJson(event))}\n`);
  }
}

function eventJson({ type, action, id, attributes, time }: SwarmEvent): object {
  return {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: "swarm",
    time: time.seconds,
    timeNano: BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanos),
  };
}

function matches(event: SwarmEvent, filters: Filters): boolean {
  const name = event.attributes["name"] ?? "";
  const isNamed = (value: string): boolean => event.id.startsWith(value) || name.startsWith(value);
  return (
    filters.some("scope", (value) => value === "swarm") &&
    filters.some("type", (value) => value === event.type) &&
    filters.some("event", (value) => value === event.action) &&
    filters.labels("label", event.attributes) &&
    filters.some("node", (value) => event.type === "node" && isNamed(value)) &&
    filters.some("service", (value) => event.type === "service" && isNamed(value)) &&
    othersKinds.every((kind) => filters.get(kind) === undefined)
  );
}

const othersKinds = ["container", "image", "volume", "network", "plugin", "daemon", "secret", "config"];

function readPeriod(query: Query, nowMs: number): Period {
  const sinceMs = readTime(query, "since", nowMs);
  const untilMs = readTime(query, "until", nowMs);
  if (sinceMs !== undefined && untilMs !== undefined && untilMs < sinceMs) {
    throw new SwarmError("InvalidArgument", "`since` time cannot be after `until` time");
  }
  return { sinceMs, untilMs };
}

/** Unix seconds, with nanoseconds after a dot: what clients make of any time they are given. */
function readTime(query: Query, name: string, nowMs: number): number | undefined {
  const text = query.get(name);
  if (text === "" || text === "0") return text === "0" && name === "since" ? nowMs : undefined;
  if (!/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) {
    throw new SwarmError("InvalidArgument", `invalid value for ${name}: ${printable(text)}`);
  }
  return Number(text) * 1000;
}
