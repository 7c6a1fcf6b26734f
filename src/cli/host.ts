// Which daemon a command talks to, and what is said when nobody is there.
import { CliError } from "./errors.js";
import type { Address, TlsFiles } from "./world.js";

export const apiVersionMax = "1.50";
export const defaultHost = "unix:///run/skep/skep.sock";
const defaultPort = 2375;
const defaultTlsPort = 2376;

/** In this order: `-H`, SKEP_HOST, DOCKER_HOST, the socket of the daemon on this machine. */
export function chooseHost(
  given: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (given !== undefined && given.length > 1) throw new CliError("Specify only one -H");
  return (
    [given?.[0], env["SKEP_HOST"], env["DOCKER_HOST"]].find((host) => host !== undefined && host !== "") ?? defaultHost
  );
}

export function parseHost(host: string, tls: TlsFiles | undefined): Address {
  const [, scheme = "tcp", rest = ""] = /^(?:([a-z][a-z+]*):\/\/)?(.*)$/s.exec(host) ?? [];
  if (scheme === "unix") {
    if (!rest.startsWith("/")) throw badHost(host, "unix:// is followed by an absolute path");
    return { kind: "unix", path: rest };
  }
  if (scheme === "ssh")
    throw badHost(
      host,
      "ssh:// is not there; forward the socket instead: ssh -L /tmp/skep.sock:/run/skep/skep.sock HOST",
    );
  if (scheme !== "tcp" && scheme !== "http" && scheme !== "https") throw badHost(host, "wanted unix:// or tcp://");
  return tcpAddress(host, rest, scheme === "https" ? (tls ?? { verify: true }) : tls);
}

function tcpAddress(host: string, rest: string, tls: TlsFiles | undefined): Address {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/[\]]*))(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined) throw badHost(host, "wanted tcp://HOST:PORT");
  const number = port === undefined ? (tls === undefined ? defaultPort : defaultTlsPort) : Number(port);
  if (number < 1 || number > 65_535) throw badHost(host, "the port is not between 1 and 65535");
  return { kind: "tcp", host: name === "" ? "localhost" : name, port: number, ...(tls === undefined ? {} : { tls }) };
}

function badHost(host: string, why: string): CliError {
  return new CliError(`invalid argument ${JSON.stringify(host)} for "-H, --host" flag: ${why}`, 125);
}

export function cannotConnect(host: string, error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = error instanceof Error ? error.message : String(error);
  if (code === "EACCES" || code === "EPERM") {
    return new CliError(
      `permission denied while trying to connect to the Skep daemon socket at ${host}: ${why}`,
      1,
      error,
    );
  }
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new CliError(`Cannot connect to the Skep daemon at ${host}. Is the skep daemon running?`, 1, error);
  }
  return new CliError(`error during connect: ${why} (${host})`, 1, error);
}

/** `1.9` before `1.41`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
