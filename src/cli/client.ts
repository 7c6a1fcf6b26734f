// Calls to the daemon: the handshake, Docker's paths and errors. One instance per command.
import { CliError, DaemonError } from "./errors.js";
import { apiVersionMax, cannotConnect, compareVersions } from "./host.js";
import { type Address, type HttpResponse, type World } from "./world.js";

export interface ClientOptions {
  readonly address: Address;
  /** As the user wrote it: shown when nobody answers. */
  readonly host: string;
}

export interface Handshake {
  readonly apiVersion: string;
  readonly isSkep: boolean;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** A daemon's answer longer than this is not one of ours. */
const answerBytesMax = 256 * 1024 * 1024;

export class Client {
  private readonly options: ClientOptions;
  private readonly world: World;
  private handshake: Promise<Handshake> | undefined;

  constructor(options: ClientOptions, world: World) {
    this.options = options;
    this.world = world;
  }

  async get<T>(path: string, options: CallOptions = {}): Promise<T> {
    return this.call<T>("GET", path, options);
  }

  async post<T>(path: string, options: CallOptions = {}): Promise<T> {
    return this.call<T>("POST", path, options);
  }

  async delete(path: string, options: CallOptions = {}): Promise<void> {
    await this.call("DELETE", path, options);
  }

  /** An answer that is read as it comes. */
  async stream(path: string, options: CallOptions = {}): Promise<HttpResponse> {
    const response = await this.send("GET", `${await this.prefix()}${path}`, options);
    await this.refuseFailure(response);
    return response;
  }

  /** A call of Skep's own, which has no Docker version in its path. */
  async getOwn<T>(path: string): Promise<T> {
    const response = await this.send("GET", path, {});
    await this.refuseFailure(response);
    return JSON.parse(await textOf(response)) as T;
  }

  async postOwn<T>(path: string, options: CallOptions = {}): Promise<T> {
    const response = await this.send("POST", path, options);
    await this.refuseFailure(response);
    return parseAnswer(await textOf(response)) as T;
  }

  /** An answer of any length, read as it comes. */
  async streamOwn(path: string): Promise<HttpResponse> {
    const response = await this.send("GET", path, {});
    await this.refuseFailure(response);
    return response;
  }

  /** Sends a body of any length as it comes. */
  async uploadOwn<T>(path: string, upload: AsyncIterable<Uint8Array>, options: CallOptions): Promise<T> {
    const response = await this.send("POST", path, { ...options, upload });
    await this.refuseFailure(response);
    return parseAnswer(await textOf(response)) as T;
  }

  /** HEAD /_ping, once: which versions we share. */
  hello(): Promise<Handshake> {
    this.handshake ??= this.ping();
    return this.handshake;
  }

  private async call<T>(method: string, path: string, options: CallOptions): Promise<T> {
    const response = await this.send(method, `${await this.prefix()}${path}`, options);
    await this.refuseFailure(response);
    const text = await textOf(response);
    return (text.trim() === "" ? undefined : parseAnswer(text)) as T;
  }

  private async prefix(): Promise<string> {
    return `/v${(await this.hello()).apiVersion}`;
  }

  private async ping(): Promise<Handshake> {
    const { headers, body } = await this.send("HEAD", "/_ping", {});
    for await (const _ of body) continue;
    const pinned = this.world.env["DOCKER_API_VERSION"];
    const offered = headers["api-version"] ?? "1.24";
    const common = compareVersions(offered, apiVersionMax) < 0 ? offered : apiVersionMax;
    return {
      apiVersion: pinned === undefined || pinned === "" ? common : pinned,
      isSkep: headers["skep-version"] !== undefined,
    };
  }

  private async send(method: string, path: string, options: CallOptions): Promise<HttpResponse> {
    const body = options.body === undefined ? undefined : `${JSON.stringify(options.body)}\n`;
    try {
      return await this.world.transport(this.options.address, {
        method,
        path: path + queryText(options.query),
        headers: { "User-Agent": "Skep-Client (linux)", ...(body === undefined ? {} : jsonHeader), ...options.headers },
        ...(body === undefined ? {} : { body }),
        ...(options.upload === undefined ? {} : { upload: options.upload }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      throw cannotConnect(this.options.host, error);
    }
  }

  private async refuseFailure(response: HttpResponse): Promise<void> {
    if (response.status < 400) return;
    throw new DaemonError(response.status, messageIn(await textOf(response), response.status));
  }
}

const jsonHeader = { "Content-Type": "application/json" };

async function textOf(response: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > answerBytesMax) throw new CliError(`the daemon's answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`the daemon's answer is not JSON: ${text.slice(0, 200).trim()}`, 1, error);
  }
}

/** Our own words name our own commands: `Use "docker swarm init" …` comes from a daemon that speaks Docker's. */
function messageIn(text: string, status: number): string {
  const message = jsonMessage(text) ?? text.trim();
  const shown = message === "" ? `request returned ${status} and no message` : message;
  return shown.replace(/"docker (swarm|node|service|info)\b/g, '"skep $1');
}

function jsonMessage(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const message = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>)["message"] : "";
    return typeof message === "string" ? message.trim() : undefined;
  } catch {
    return undefined;
  }
}

function queryText(query: Query = {}): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll("%20", "+")}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** `filters` as the CLI sends them: keys and values sorted, absent when there are none. */
export function filtersParam(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  const keys = Object.keys(filters).sort();
  if (keys.length === 0) return undefined;
  const sets = keys.map((key) => [
    key,
    Object.fromEntries([...(filters[key] ?? [])].sort().map((value) => [value, true])),
  ]);
  return JSON.stringify(Object.fromEntries(sets));
}

/** An id or name as one segment of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name).replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent);
}
