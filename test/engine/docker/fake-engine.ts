// A Docker Engine's socket that answers what a test tells it to.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DockerEngine } from "../../../src/engine/index.js";
import { VirtualClock } from "../../../src/sim/index.js";

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export class FakeEngine {
  readonly clock = new VirtualClock();
  readonly requests: string[] = [];
  /** "METHOD /path" without version and query → answer; what is missing answers 404. */
  readonly answers: Record<string, Answer> = {};
  readonly client: DockerEngine;
  apiVersion = "1.41";
  readonly #folder: string;
  readonly #server: Server;
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "skep-fake-engine-"));
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.client = new DockerEngine({ address: { kind: "unix", path: this.socket } }, { clock: this.clock });
    this.answers["GET /_ping"] = (_, response) => response.setHeader("Api-Version", this.apiVersion).end("OK");
  }

  static async start(): Promise<FakeEngine> {
    const fake = new FakeEngine();
    await new Promise<void>((resolve) => fake.#server.listen(fake.socket, resolve));
    return fake;
  }

  get socket(): string {
    return join(this.#folder, "docker.sock");
  }

  /** Resolves once `count` requests have come in, in real time: the socket is real, only the bounds are virtual. */
  received(count: number): Promise<void> {
    if (this.requests.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  async close(): Promise<void> {
    this.client.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = request.url ?? "";
      this.requests.push(`${request.method} ${url}`);
      const path = (url.split("?")[0] ?? "").replace(/^\/v1\.\d+/, "");
      const answer = this.answers[`${request.method} ${path}`] ?? json({ message: "page not found" }, 404);
      answer(request, response, Buffer.concat(chunks).toString());
      for (const { count, resolve } of this.#waiting) if (this.requests.length >= count) resolve();
    });
  }
}

export function json(value: unknown, status = 200): Answer {
  return (_, response) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

/** A stream of JSON lines that stays open unless told to end. */
export function lines(values: readonly unknown[], end: boolean): Answer {
  return (_, response) => {
    response.writeHead(200);
    for (const value of values) response.write(`${JSON.stringify(value)}\n`);
    if (end) response.end();
    else response.flushHeaders();
  };
}

/** Takes the request and says nothing. */
export const silence: Answer = () => {};
