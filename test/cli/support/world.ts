// A terminal, clock and daemon that a test holds in its hand.
import type { HttpRequest, HttpResponse, Transport, World } from "../../../src/cli/index.js";

export interface FakeWorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly nowMs?: number;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly files?: Readonly<Record<string, string>>;
  /** Takes what is written instead of a disk. */
  readonly written?: Map<string, string>;
  readonly transport: Transport;
}

export interface FakeWorld extends World {
  readonly out: () => string;
  readonly err: () => string;
  /** As if Ctrl-C were pressed. */
  readonly interrupt: () => void;
  /** What sleeping advanced. */
  readonly elapsedMs: () => number;
}

const hour = 3_600_000;

/** Sleeping takes no time and moves the clock. */
export function fakeWorld(options: FakeWorldOptions): FakeWorld {
  const texts = { out: "", err: "" };
  let clockMs = 0;
  const startMs = options.nowMs ?? Date.UTC(2026, 10, 20, 12);
  const interrupts = new Set<() => void>();
  const output = (name: "out" | "err") => ({
    isTerminal: options.isTerminal ?? false,
    columns: options.columns ?? 80,
    write: (text: string | Uint8Array) => {
      texts[name] += typeof text === "string" ? text : new TextDecoder().decode(text);
    },
  });
  return {
    env: { SKEP_ALLOW_ENGINE: "1", HOME: "/nonexistent", ...options.env },
    stdin: {
      isTerminal: false,
      readAll: async () => options.stdin ?? "",
      readSecret: async () => options.stdin ?? "",
    },
    stdout: output("out"),
    stderr: output("err"),
    transport: options.transport,
    now: () => startMs + clockMs,
    monotonic: () => clockMs,
    sleep: async (ms, signal) => {
      // Others go first: whoever waits for an answer gets it before the clock moves.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (signal?.aborted === true) throw signal.reason;
      clockMs += ms;
      if (clockMs > hour) throw new Error("the test waited for an hour of its clock");
    },
    onInterrupt: (callback) => {
      interrupts.add(callback);
      return () => interrupts.delete(callback);
    },
    readFile: async (path) => {
      const text = options.files?.[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
      return text;
    },
    openFile: async (path) => {
      const text = options.files?.[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
      return chunks([new TextEncoder().encode(text)]);
    },
    writeSecretFile: async (path, parts) => {
      let text = "";
      for await (const part of parts) text += new TextDecoder().decode(part);
      if (path.startsWith("/missing/")) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
      options.written?.set(path, text);
      return text.length;
    },
    runDaemon: async (argv) => argv.length,
    out: () => texts.out,
    err: () => texts.err,
    interrupt: () => interrupts.forEach((callback) => callback()),
    elapsedMs: () => clockMs,
  };
}

export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const text = body === undefined ? "" : typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
  return { status, headers, body: chunks(text === "" ? [] : [new TextEncoder().encode(text)]) };
}

export async function* chunks(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** A daemon that answers /_ping and hands all else, without its version prefix, to `respond`. */
export function daemon(respond: (request: HttpRequest, path: string) => HttpResponse): Transport {
  return async (_, request) => {
    if (request.path === "/_ping")
      return answer(200, undefined, { "api-version": "1.50", server: "Docker/28.2.2 (linux)" });
    return respond(request, request.path.replace(/^\/v[\d.]+/, ""));
  };
}
