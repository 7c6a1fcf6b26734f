// One API on any number of sockets: each request to `Api` or to the engine.

import { createServer, type IncomingMessage, type Server, type ServerOptions, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { type Log, messageOf, SwarmError } from "../../base/index.js";
import {
  Api,
  type ApiModules,
  type ApiOptions,
  type ApiRequest,
  type ApiResponse,
  errorResponse,
  type NotLeading,
} from "../index.js";
import { connectionTo, type EngineAddress, engineHttp, nameOf } from "./engine.js";
import { answerFromHandler } from "./handler.js";
import { systemInterfaces } from "./interfaces.js";
import { type ListenAddress, listenOn } from "./listen.js";
import { passThrough } from "./pass.js";
import { apiRequest, BodyTooLarge, bodyOf, noBody, type Target, targetOf, uploadOf } from "./request.js";
import { respond } from "./respond.js";
import { passUpgrade, refusal } from "./upgrade.js";

/** Go's limit for request line and headers; clients repeat whole specs there (docker-api.md trap 26). */
const headerBytesMax = 1 << 20;
const connectionsMax = 10_000;
/** Clients keep connections for their next call; dockerd never closes one. */
const idleMs = 10 * 60_000;

export interface ApiServerOptions extends ApiOptions {
  readonly listen: readonly ListenAddress[];
}

export interface ApiServerModules extends Omit<ApiModules, "engine" | "interfaces"> {
  readonly engine: EngineAddress;
  /** This machine's own when absent. */
  readonly interfaces?: ApiModules["interfaces"];
}

export interface ApiServer {
  /** Opens all sockets, or none: rejects when one cannot be had. Resolves with their addresses as clients write them. */
  listen(): Promise<readonly string[]>;
  /** Answers what another manager handed on; see `Api.answer`. Works before `listen` too. */
  answer(request: ApiRequest): Promise<ApiResponse | NotLeading>;
  /** Closes them and every connection. */
  close(): Promise<void>;
}

export function createApiServer(options: ApiServerOptions, modules: ApiServerModules): ApiServer {
  const engine = engineHttp(modules.engine);
  const api = new Api(options, { ...modules, engine, interfaces: modules.interfaces ?? systemInterfaces });
  const front = new Front({ engine: modules.engine }, { api, log: modules.log, newId: modules.newId });
  const servers = options.listen.map((address) => ({ address, server: front.serverFor(address) }));
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(({ server }) => closeServer(server)));
  };
  return {
    close,
    answer: (request) => api.answer(request),
    listen: async () => {
      try {
        const addresses: string[] = [];
        for (const { server, address } of servers) addresses.push(await listenOn(server, address));
        return addresses;
      } catch (error) {
        await close();
        throw error;
      }
    },
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class Front {
  readonly #engine: EngineAddress;
  readonly #api: Api;
  readonly #log: Log;
  readonly #newId: () => string;

  constructor(
    options: { readonly engine: EngineAddress },
    modules: { readonly api: Api; readonly log: Log; readonly newId: () => string },
  ) {
    this.#engine = options.engine;
    this.#api = modules.api;
    this.#log = modules.log;
    this.#newId = modules.newId;
  }

  serverFor(address: ListenAddress): Server {
    const options: ServerOptions = { maxHeaderSize: headerBytesMax, keepAliveTimeout: idleMs, requestTimeout: 0 };
    const tls = address.kind === "tcp" ? address.tls : undefined;
    const server = tls
      ? createTlsServer({ ...options, ...tls, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" })
      : createServer(options);
    server.maxConnections = connectionsMax;
    server.on("request", (message: IncomingMessage, response: ServerResponse) => this.#onRequest(message, response));
    server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(message, socket, head),
    );
    return server;
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    this.#serve(message, response).catch((error: unknown) => {
      const fields = { url: message.url?.slice(0, 200), error: messageOf(error) };
      // A client that left, or a leader that went away while a long answer came from it, is nobody's fault.
      if (response.destroyed) this.#log.debug("the client left before the answer's end", fields);
      else if (error instanceof SwarmError) this.#log.info("an answer broke off", fields);
      else this.#log.error("answering a request failed", fields);
      response.destroy();
    });
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = targetOf(message);
    const destination = this.#api.destination(message.method ?? "GET", target.path);
    const { kind } = destination;
    if (kind === "engine" && message.method !== "OPTIONS") return this.#pass(message, response, target);
    if (destination.kind === "route" && destination.handler.where === "here" && destination.handler.upload) {
      return this.#take(message, response, target);
    }
    let body: Uint8Array;
    try {
      body = await bodyOf(message);
    } catch (error) {
      return refuseBody(response, error);
    }
    const request = apiRequest(this.#newId, message, response, target, body);
    const answer = await this.#api.handle(request, destination);
    if ("passOn" in answer) return this.#pass(message, response, target, body);
    await respond(response, answer, kind === "nobody" ? {} : this.#api.headers());
  }

  async #take(message: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const request = apiRequest(this.#newId, message, response, target, noBody);
    const answer = await this.#api.handle({ ...request, upload: uploadOf(message) });
    // A client looks for the answer only when it has sent everything.
    message.resume();
    if (!("passOn" in answer)) await respond(response, answer, this.#api.headers());
  }

  #pass(message: IncomingMessage, response: ServerResponse, target: Target, body?: Uint8Array): Promise<void> {
    const connection = connectionTo(this.#engine);
    const path = this.#api.enginePath(target.path);
    if (connection === undefined) {
      return answerFromHandler(message, response, this.#engine, { path, query: target.query });
    }
    return passThrough(message, response, {
      connection,
      engine: nameOf(this.#engine),
      url: urlOf(path, target.query),
      ...(body && { body }),
    });
  }

  #onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = targetOf(message);
    const { kind } = this.#api.destination(message.method ?? "GET", target.path);
    const connection = connectionTo(this.#engine);
    if (kind !== "engine") return this.#serveWithoutUpgrade(message, socket);
    if (connection === undefined) {
      socket.end(refusal("the embedded engine has no terminals", "501 Not Implemented"));
      return;
    }
    const url = urlOf(this.#api.enginePath(target.path), target.query);
    passUpgrade(message, socket, head, { connection, engine: nameOf(this.#engine), url });
  }

  /** curl offers HTTP/2 with every request; ours are answered as if it had not, and the connection ends. */
  #serveWithoutUpgrade(message: IncomingMessage, socket: Duplex): void {
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.on("finish", () => socket.end());
    socket.on("error", () => response.destroy());
    this.#onRequest(message, response);
  }
}

function urlOf(path: string, query: string): string {
  return query === "" ? path : `${path}?${query}`;
}

function refuseBody(response: ServerResponse, error: unknown): Promise<void> {
  if (!(error instanceof BodyTooLarge)) {
    response.destroy();
    return Promise.resolve();
  }
  return respond(response, errorResponse(413, error.message), { Connection: "close" });
}
