// A request in, an answer out: whose it is, which version it speaks, what it is told when it fails.

import { type Histogram, httpStatusOf, InvariantError, messageOf, SwarmError } from "../base/index.js";
import type { Control } from "../manager/control/index.js";
import type { Answer, Call, Handler, Shared } from "./call.js";
import { Query } from "./decode/query.js";
import { type EngineFacts, EngineProbe } from "./engine-probe.js";
import { SwarmEvents } from "./events/log.js";
import { type ApiRequest, type ApiResponse, bytesOf, done, errorResponse } from "./http.js";
import { LeaderWatch } from "./leader-watch.js";
import type { ApiModules, ApiOptions, NotLeading } from "./modules.js";
import { type Destination, Router } from "./router.js";
import { routes } from "./routes/index.js";
import { Rows } from "./rows.js";
import { answerAsLeader, callLeader } from "./to-leader.js";
import { type ApiVersion, isBelow, refuseUnsupported, splitVersion, VersionTooOld, versionMax } from "./version.js";

/** Between two looks for a leader: a small part of what an election takes. */
const searchMs = 5;
/** Between two looks whether another leads by now: a leader that is gone is mostly noticed by its connection. */
const handedOnMs = 50;

export class Api {
  readonly #shared: Shared;
  readonly #modules: ApiModules;
  readonly #router = new Router(routes);
  readonly #events = new WeakMap<Control, SwarmEvents>();
  readonly #seconds: Histogram;
  /** Those of every answer, made of these facts. */
  #headers: Readonly<Record<string, string>> = {};
  #headersOf: EngineFacts | undefined;

  constructor(options: ApiOptions, modules: ApiModules) {
    const probe = new EngineProbe({}, modules);
    this.#modules = modules;
    this.#seconds = modules.metrics.histogram(
      "skep_api_request_seconds",
      "From a request of the cluster's API to its answer, without sending it.",
      ["method", "status"],
    );
    const search = new LeaderWatch({ lookMs: searchMs }, modules);
    const handedOn = new LeaderWatch({ lookMs: handedOnMs }, modules);
    this.#shared = {
      options,
      modules,
      probe,
      search,
      handedOn,
      rows: new Rows(),
      eventsOf: (control) => this.#eventsOf(control),
    };
  }

  /** Where a request goes. `engine` ones are passed through by whoever has the bytes. */
  destination(method: string, path: string): Destination {
    return this.#router.find(method, splitVersion(path).rest);
  }

  /** The path under which the engine understands what was asked: its own version is the most it answers to. */
  enginePath(path: string): string {
    const { version, rest } = splitVersion(path);
    const { apiVersion } = this.#shared.probe.facts;
    return version !== undefined && isBelow(apiVersion, version) ? `/v${apiVersion}${rest}` : path;
  }

  /** Headers of every answer but "page not found". */
  headers(): Readonly<Record<string, string>> {
    const { probe, options } = this.#shared;
    const { facts } = probe;
    if (facts !== this.#headersOf) {
      this.#headersOf = facts;
      this.#headers = { "Api-Version": probe.advertised, "Skep-Version": options.version, ...facts.headers };
    }
    return this.#headers;
  }

  /** Answers a request of ours. Never rejects: a failure is an answer. `destination`: where it goes, if that is known. */
  async handle(request: ApiRequest, destination?: Destination): Promise<Answer> {
    const { clock } = this.#modules;
    const startedAt = clock.monotonic();
    const answer = await this.#answer(request, destination);
    const status = "passOn" in answer ? "passed" : String(answer.status);
    this.#seconds.observe((clock.monotonic() - startedAt) / 1000, { method: request.method, status });
    return answer;
  }

  /**
   * Answers a request another manager handed on: as the leader, or not at all. Never handed on again. Never rejects; what
   * the leader refuses is an answer, but that it lost the lead meanwhile is none.
   */
  async answer(request: ApiRequest): Promise<ApiResponse | NotLeading> {
    try {
      const { version = versionMax, rest } = splitVersion(request.path);
      refuseUnsupported(version);
      const destination = this.#router.find(request.method, rest);
      if (destination.kind !== "route" || destination.handler.where !== "leader") return notForLeader();
      const { handler, id } = destination;
      const call: Call = { request, version, id, query: new Query(request.query), shared: this.#shared };
      const answer = await answerAsLeader(call, handler);
      return "passOn" in answer ? notForLeader() : answer;
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  async #answer(request: ApiRequest, known: Destination | undefined): Promise<Answer> {
    try {
      if (request.method === "OPTIONS") return done();
      const { version = versionMax, rest } = splitVersion(request.path);
      refuseUnsupported(version);
      const destination = known ?? this.#router.find(request.method, rest);
      if (destination.kind !== "route") return errorResponse(404, "page not found");
      return await this.#dispatch(request, version, destination.handler, destination.id);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  #dispatch(request: ApiRequest, version: ApiVersion, handler: Handler, id: string): Answer | Promise<Answer> {
    const call: Call = { request, version, id, query: new Query(request.query), shared: this.#shared };
    if (handler.where === "here") return handler.handle(call);
    return this.#byLeader(call, handler);
  }

  async #byLeader(call: Call, handler: Handler & { readonly where: "leader" }): Promise<Answer> {
    const answer = await callLeader(call, handler);
    return handler.finish === undefined || "passOn" in answer ? answer : handler.finish(answer);
  }

  #failure(request: ApiRequest, error: unknown): ApiResponse {
    if (error instanceof VersionTooOld) {
      const body = { kind: "bytes", bytes: bytesOf(`${error.message}\n`) } as const;
      return { status: 400, headers: { "Content-Type": "text/plain; charset=utf-8" }, body };
    }
    if (error instanceof SwarmError) {
      this.#modules.log.debug("request refused", { method: request.method, path: request.path, error: error.message });
      return errorResponse(httpStatusOf[error.kind], error.dockerMessage);
    }
    // Its client gave up: nothing is wrong, and nobody reads the answer.
    if (error === request.closed().reason) {
      this.#modules.log.debug("request given up", { method: request.method, path: request.path });
      return errorResponse(500, messageOf(error));
    }
    this.#modules.log.error("request failed", {
      method: request.method,
      path: request.path,
      error: messageOf(error),
    });
    if (error instanceof InvariantError) crash(error);
    return errorResponse(500, messageOf(error));
  }

  #eventsOf(control: Control): SwarmEvents {
    const known = this.#events.get(control);
    if (known !== undefined) return known;
    const events = new SwarmEvents({}, { control, clock: this.#modules.clock, log: this.#modules.log });
    this.#events.set(control, events);
    return events;
  }
}

function notForLeader(): ApiResponse {
  return errorResponse(404, "page not found");
}

/** A bug is nobody's to catch: it leaves this call and reaches the process. */
function crash(error: InvariantError): void {
  queueMicrotask(() => {
    throw error;
  });
}
