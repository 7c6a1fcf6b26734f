// The flags of `skep daemon`, checked before anything is touched.

import { isIP } from "node:net";
import { hostname } from "node:os";
import { Command, CommanderError, Option } from "commander";
import type { LogFormat, LogLevel } from "../base/host/index.js";
import { SwarmError } from "../base/index.js";

export interface DaemonOptions {
  readonly dataDir: string;
  readonly hosts: readonly ListenAddress[];
  /** unix:///…, tcp://… or embedded:?… */
  readonly engine: string;
  readonly name: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly metricsAddr: { readonly host: string; readonly port: number } | undefined;
  readonly pidfile: string | undefined;
  /** Where other nodes reach this one from now on; undefined: where init or join said. Port 0: the one it has. */
  readonly advertiseAddr: { readonly host: string; readonly port: number } | undefined;
}

/** Where the API listens. */
export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined };

/** PEM files as dockerd takes them; clients must show a certificate of `ca`. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export const defaults = {
  dataDir: "/var/lib/skep",
  host: "unix:///run/skep/skep.sock",
  engine: "unix:///var/run/docker.sock",
} as const;

/** What was asked instead of running: help or a usage error, with the exit code. */
export class UsageExit extends Error {
  override readonly name = "UsageExit";
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

interface RawFlags {
  dataDir: string;
  host?: string[];
  engine: string;
  name: string;
  logLevel: LogLevel;
  logFormat: LogFormat;
  metricsAddr?: string;
  pidfile?: string;
  advertiseAddr?: string;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

/** Parses what follows `skep daemon`. Throws UsageExit for help and usage errors, SwarmError for a bad value. */
export function parseDaemonFlags(argv: readonly string[]): DaemonOptions {
  const raw = parseRaw(argv);
  const tls = tlsFiles(raw);
  const hosts = (raw.host ?? [defaults.host]).map((each) => parseHost(each, tls));
  if (raw.name.trim() === "" || raw.name.length > 253) {
    throw new SwarmError("InvalidArgument", `--name "${raw.name}": must be 1 to 253 characters`);
  }
  return {
    dataDir: raw.dataDir,
    hosts,
    engine: raw.engine,
    name: raw.name,
    logLevel: raw.logLevel,
    logFormat: raw.logFormat,
    metricsAddr: raw.metricsAddr === undefined ? undefined : parseHostPort("--metrics-addr", raw.metricsAddr),
    pidfile: raw.pidfile,
    advertiseAddr: raw.advertiseAddr === undefined ? undefined : parseAdvertised(raw.advertiseAddr),
  };
}

function parseRaw(argv: readonly string[]): RawFlags {
  let output = "";
  const write = (text: string): void => {
    output += text;
  };
  const command = new Command("skep daemon")
    .description("Run this host's node: a worker always, a manager when the swarm gave it that role")
    .option("--data-dir <dir>", "where all state of this node is kept", defaults.dataDir)
    .option("-H, --host <address>", "address of the API; repeatable", collect)
    .option("--engine <address>", "the Docker Engine to drive, or embedded: for one in memory", defaults.engine)
    .option("--name <name>", "the node's name in the swarm", hostname())
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"))
    .addOption(new Option("--log-format <format>").choices(["text", "json"]).default("text"))
    .option("--metrics-addr <host:port>", "serve /metrics, /healthz and /readyz here")
    .option("--pidfile <file>", "write the process id here")
    .option("--advertise-addr <ip[:port]>", "where other nodes reach this one, if it has moved since init or join")
    .option("--tlsverify", "require client certificates on tcp:// addresses")
    .option("--tlscacert <file>", "trust client certificates of this authority")
    .option("--tlscert <file>", "certificate of the API server")
    .option("--tlskey <file>", "key of the API server")
    .configureOutput({ writeOut: write, writeErr: write })
    .allowExcessArguments(false)
    .exitOverride();
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageExit(output.trimEnd(), error.exitCode);
    throw error;
  }
  return command.opts<RawFlags>();
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function tlsFiles(raw: RawFlags): TlsFiles | undefined {
  if (!raw.tlsverify) return undefined;
  const { tlscacert, tlscert, tlskey } = raw;
  if (tlscacert === undefined || tlscert === undefined || tlskey === undefined) {
    throw new SwarmError("InvalidArgument", "--tlsverify needs --tlscacert, --tlscert and --tlskey");
  }
  return { ca: tlscacert, cert: tlscert, key: tlskey };
}

function parseHost(text: string, tls: TlsFiles | undefined): ListenAddress {
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    // sun_path holds 108 bytes with the closing zero.
    if (!path.startsWith("/") || Buffer.byteLength(path) > 107) {
      throw new SwarmError("InvalidArgument", `--host "${text}": the path must be absolute and at most 107 bytes long`);
    }
    return { kind: "unix", path };
  }
  if (!text.startsWith("tcp://")) {
    throw new SwarmError("InvalidArgument", `--host "${text}": must be unix:///path or tcp://address:port`);
  }
  const { host, port } = parseHostPort("--host", text.slice("tcp://".length).replace(/\/$/, ""));
  if (tls === undefined && !isLoopback(host)) {
    throw new SwarmError(
      "InvalidArgument",
      `--host "${text}": anyone who reaches it would control this host; add --tlsverify --tlscacert --tlscert --tlskey, or listen on 127.0.0.1`,
    );
  }
  return { kind: "tcp", host, port, tls };
}

function parseHostPort(flag: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 0 && port <= 65_535) || (isIP(host) === 0 && host !== "localhost")) {
    throw new SwarmError("InvalidArgument", `${flag} "${text}": must be an IP address and a port, as 127.0.0.1:2375`);
  }
  return { host, port };
}

function parseAdvertised(text: string): { readonly host: string; readonly port: number } {
  const isBare = isIP(text) !== 0;
  const address = isBare ? { host: text, port: 0 } : parseHostPort("--advertise-addr", text);
  if (isIP(address.host) !== 0 && !isUnspecified(address.host)) return address;
  throw new SwarmError("InvalidArgument", `--advertise-addr "${text}": must be an IP address other nodes can dial`);
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
