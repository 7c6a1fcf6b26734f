// Plays back what was recorded of the stock docker CLI (record.mjs): the same calls must come, in their order per path.
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { HttpRequest, HttpResponse, Transport } from "../../../src/cli/index.js";
import { answer } from "./world.js";

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly auth?: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer?: unknown;
}

export interface Recording {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly now: string;
  readonly exchanges: readonly Exchange[];
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

const folder = new URL("../fixtures/recorded/", import.meta.url);

export function recordings(): readonly (readonly [string, Recording])[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map(
      (file) =>
        [file.replace(".json", ""), JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Recording] as const,
    );
}

/** Where docker names itself in what it prints, we name ourselves. */
export function asSkep(text: string): string {
  return text
    .replace(/\bdocker (swarm|service|node|system|info|foo|--help)/g, "skep $1")
    .replace(/^docker: /gm, "skep: ")
    .replace(/the Docker daemon/g, "the Skep daemon")
    .replace(/Is the docker daemon/g, "Is the skep daemon");
}

export interface Replay {
  readonly transport: Transport;
  /** Recorded calls that have not come; we need no greeting to see that a flag is wrong. */
  readonly missing: () => readonly string[];
}

export function replay(exchanges: readonly Exchange[]): Replay {
  const left = [...exchanges];
  return {
    transport: async (_, request) => {
      const index = left.findIndex((exchange) => isSame(exchange, request));
      const [found] = index < 0 ? [] : left.splice(index, 1);
      if (found === undefined) throw new Error(`not recorded: ${request.method} ${request.path} ${request.body ?? ""}`);
      return respond(found);
    },
    missing: () => left.filter(({ path }) => path !== "/_ping").map(({ method, path }) => `${method} ${path}`),
  };
}

function respond({ status, headers, answer: body }: Exchange): HttpResponse {
  return answer(status, typeof body === "string" ? JSON.stringify(body) : body, headers);
}

function isSame(exchange: Exchange, request: HttpRequest): boolean {
  return (
    exchange.method === request.method &&
    normal(exchange.path) === normal(request.path) &&
    exchange.auth === request.headers["X-Registry-Auth"] &&
    isDeepStrictEqual(exchange.body, request.body === undefined ? undefined : JSON.parse(request.body))
  );
}

/** Decoded, its query in one order. */
function normal(path: string): string {
  const url = new URL(path, "http://daemon");
  const query = [...url.searchParams].map(([key, value]) => `${key}=${value}`).sort();
  return `${url.pathname}?${query.join("&")}`;
}
