// The client of a real Docker Engine: each verb of `Engine` is one call of Docker's API, with its bound.

import { type Clock, SwarmError, sleep } from "../../base/index.js";
import type { SocketAddress } from "../address.js";
import { bounds } from "../bounds.js";
import type {
  Container,
  ContainerEvent,
  ContainerSummary,
  CreateContainer,
  Engine,
  EngineInfo,
  LogLine,
  LogOptions,
  PullProgress,
} from "../engine.js";
import { containerOf, eventNames, eventOf, summaryOf } from "./container.js";
import { pullFailure, unreachable } from "./errors.js";
import { type Answer, type Call, EngineHttp, path, type Query } from "./http.js";
import { infoOf } from "./info.js";
import { items, object, parseJson, text } from "./json.js";
import { jsonValues } from "./json-stream.js";
import { Liveness } from "./liveness.js";
import { framedLines, rawLines } from "./logs.js";
import { followPull, StallGuard } from "./pull.js";
import { lookupName, pullParts } from "./reference.js";
import { negotiated } from "./version.js";

type Request = Omit<Call, "quick"> & { readonly quick?: boolean };

export class DockerEngine implements Engine {
  readonly #address: SocketAddress;
  readonly #clock: Clock;
  readonly #http: EngineHttp;
  /** Agreed with the engine that answered last; forgotten when it goes away, another may come. */
  #version: string | undefined;

  constructor(options: { readonly address: SocketAddress }, modules: { readonly clock: Clock }) {
    this.#address = options.address;
    this.#clock = modules.clock;
    const ping = async (): Promise<void> => void (await this.#ping(new AbortController().signal));
    this.#http = new EngineHttp(options.address, { clock: modules.clock, watch: new Liveness({ ...modules, ping }) });
  }

  async info(signal: AbortSignal): Promise<EngineInfo> {
    const answer = await this.#send("GET", "/info", { what: "info", signal, quick: true });
    return infoOf(parseJson(answer.body), await this.#agree(signal));
  }

  async hasImage(image: string, signal: AbortSignal): Promise<boolean> {
    const asked = { what: `image ${image}`, signal, quick: true };
    return (await absentIsUndefined(this.#send("GET", path`/images/${lookupName(image)}/json`, asked))) !== undefined;
  }

  async pull(
    image: string,
    registryAuth: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const guard = new StallGuard(image, this.#clock);
    try {
      const chunks = this.#stream("POST", "/images/create", {
        what: `pull ${image}`,
        signal: AbortSignal.any([signal, guard.signal]),
        query: { ...pullParts(image) },
        headers: registryAuth === "" ? {} : { "X-Registry-Auth": registryAuth },
      });
      await followPull(chunks, onProgress, () => guard.moved());
    } catch (error) {
      // A status of its own (404, 500) before the stream is the registry's refusal too.
      if (error instanceof SwarmError && pullRefusals.has(error.kind)) throw pullFailure(error.message);
      throw error;
    } finally {
      guard.stop();
    }
  }

  async create(name: string, config: CreateContainer, signal: AbortSignal): Promise<string> {
    const request = { what: `create ${name}`, signal, query: { name }, body: config, boundMs: bounds.workMs };
    try {
      return text(object(parseJson((await this.#send("POST", "/containers/create", request)).body))["Id"]);
    } catch (error) {
      throw isRefusal(error, "FailedPrecondition") ? new SwarmError("AlreadyExists", error.message) : error;
    }
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    await this.#send("POST", path`/containers/${id}/start`, { what: `start ${id}`, signal, boundMs: bounds.workMs });
  }

  async stop(id: string, graceSeconds: number | undefined, signal: AbortSignal): Promise<void> {
    // Without a grace of ours it is the container's own, which may be anything: then only the liveness check bounds it.
    const bound = graceSeconds === undefined ? {} : { boundMs: graceSeconds * 1000 + bounds.stopMarginMs };
    const request = { what: `stop ${id}`, signal, query: { t: graceSeconds }, ...bound };
    await this.#send("POST", path`/containers/${id}/stop`, request);
  }

  async kill(id: string, signalName: string, signal: AbortSignal): Promise<void> {
    const request = { what: `kill ${id}`, signal, query: { signal: signalName }, boundMs: bounds.workMs };
    await this.#send("POST", path`/containers/${id}/kill`, request);
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    const request = { what: `remove ${id}`, signal, query: { force: "1", v: "1" }, boundMs: bounds.workMs };
    try {
      await absentIsUndefined(this.#send("DELETE", path`/containers/${id}`, request));
    } catch (error) {
      if (!isRefusal(error, "FailedPrecondition")) throw error;
      await this.#awaitRemoval(id, error, signal);
    }
  }

  async inspect(idOrName: string, signal: AbortSignal): Promise<Container | undefined> {
    const request = { what: `inspect ${idOrName}`, signal, quick: true };
    const answer = await absentIsUndefined(this.#send("GET", path`/containers/${idOrName}/json`, request));
    const found = answer && containerOf(parseJson(answer.body));
    // The engine also takes the first digits of an id, and a name may look like some.
    return found?.id === idOrName || found?.name === idOrName ? found : undefined;
  }

  async list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    const query = { all: "1", filters: JSON.stringify({ label: labelFilter(labels) }) };
    const answer = await this.#send("GET", "/containers/json", { what: "list containers", signal, query, quick: true });
    return items(parseJson(answer.body)).map(summaryOf);
  }

  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<ContainerEvent> {
    // The engine repeats what happened since then, so nothing is missed between this call and the connection.
    return this.#events(labels, (this.#clock.now() / 1000).toFixed(9), signal);
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine, void, undefined> {
    const what = `logs of ${id}`;
    const inspected = await this.#send("GET", path`/containers/${id}/json`, { what, signal, quick: true });
    const tty = object(object(parseJson(inspected.body))["Config"])["Tty"] === true;
    const chunks = this.#stream("GET", path`/containers/${id}/logs`, { what, signal, query: logQuery(options) });
    yield* tty ? rawLines(chunks, options.details) : framedLines(chunks, options.details);
  }

  /** Lets go of its connections; calls under way fail. */
  close(): void {
    this.#http.close();
  }

  async *#events(labels: Readonly<Record<string, string>>, since: string, signal: AbortSignal) {
    const filters = { type: ["container"], event: eventNames, label: labelFilter(labels) };
    const query = { since, filters: JSON.stringify(filters) };
    for await (const value of jsonValues(this.#stream("GET", "/events", { what: "events", signal, query }))) {
      const event = eventOf(value);
      if (event) yield event;
    }
    throw unreachable(this.#address, new Error("it ended the stream of events"));
  }

  async #awaitRemoval(id: string, refusal: SwarmError, signal: AbortSignal): Promise<void> {
    if (!/already in progress/.test(refusal.message)) throw refusal;
    const endMs = this.#clock.monotonic() + bounds.workMs;
    while (await this.inspect(id, signal)) {
      if (this.#clock.monotonic() > endMs) throw refusal;
      await sleep(this.#clock, bounds.removalPollMs, signal);
    }
  }

  async #send(method: string, to: string, request: Request): Promise<Answer> {
    const call = { quick: false, ...(request.quick ? { boundMs: bounds.answerMs } : {}), ...request };
    try {
      return await this.#http.send(method, await this.#versioned(to, call.signal), call);
    } catch (error) {
      if (!this.#forgets(error)) throw error;
      return await this.#http.send(method, await this.#versioned(to, call.signal), call);
    }
  }

  async *#stream(method: string, to: string, request: Request): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#http.stream(method, await this.#versioned(to, request.signal), { quick: false, ...request });
    } catch (error) {
      this.#forgets(error);
      throw error;
    }
  }

  /** True when the engine is another one than we agreed with and the call was not carried out. */
  #forgets(error: unknown): boolean {
    const isOther = isRefusal(error, "InvalidArgument") && /is too (new|old)\./.test(error.message);
    if (isOther || isRefusal(error, "Unavailable")) this.#version = undefined;
    return isOther;
  }

  async #versioned(to: string, signal: AbortSignal): Promise<string> {
    return `/v${await this.#agree(signal)}${to}`;
  }

  async #agree(signal: AbortSignal): Promise<string> {
    this.#version ??= negotiated(await this.#ping(signal));
    return this.#version;
  }

  /** The engine's API version. */
  async #ping(signal: AbortSignal): Promise<string> {
    const call = { what: "ping", signal, boundMs: bounds.answerMs, quick: true };
    return String((await this.#http.send("GET", "/_ping", call)).headers["api-version"] ?? "");
  }
}

/** Failures of a pull whose words came through the engine from the registry. */
const pullRefusals: ReadonlySet<string> = new Set(["NotFound", "Unknown", "PermissionDenied", "Unauthenticated"]);

function isRefusal(error: unknown, kind: SwarmError["kind"]): error is SwarmError {
  return error instanceof SwarmError && error.kind === kind;
}

async function absentIsUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRefusal(error, "NotFound")) return undefined;
    throw error;
  }
}

function labelFilter(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
}

function logQuery(options: LogOptions): Query {
  return {
    stdout: "1",
    stderr: "1",
    timestamps: "1",
    follow: options.follow ? "1" : "0",
    tail: options.tail ?? "all",
    since: options.since,
    details: options.details ? "1" : undefined,
  };
}
