// Docker's HTTP API over a unix socket, as thin as it gets: tests and benchmarks speak to engines and to Skep with this.

import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is, with content type `application/x-tar`. */
  readonly tar?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** One socket, kept open between calls. */
export class DockerHttp {
  readonly socketPath: string;
  readonly #agent: Agent;

  constructor(socketPath: string, { socketsMax = 64 }: { readonly socketsMax?: number } = {}) {
    this.socketPath = socketPath;
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call("GET", path, options);
  }

  post(path: string, body?: unknown, options?: CallOptions): Promise<Answer> {
    return this.call("POST", path, { ...options, body });
  }

  delete(path: string, options?: CallOptions): Promise<Answer> {
    return this.call("DELETE", path, options);
  }

  /** As the others, but an answer of 400 and more throws, with what it said. */
  async ok(method: string, path: string, options?: CallOptions): Promise<Answer> {
    const answer = await this.call(method, path, options);
    if (answer.status >= 400) throw new Error(`${method} ${path} → ${answer.status} ${answer.text.trim()}`);
    return answer;
  }

  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const body = options.tar ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const type = options.tar === undefined ? "application/json" : "application/x-tar";
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.socketPath,
          agent: this.#agent,
          method,
          path,
          timeout: options.timeoutMs ?? 60_000,
          headers: {
            host: "docker",
            ...(body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) }),
            ...options.headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parse(text) });
          });
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${path}: no answer in time`)));
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
