// Addresses as people give them to `swarm init` and `join`: host, host:port, or the name of a network interface.

import { SwarmError } from "../base/index.js";
import { printable } from "./decode/body.js";
import type { NetworkInterface } from "./modules.js";

const defaultPort = 2377;

type Interfaces = readonly NetworkInterface[];

const badListen = "listen address must be an IP address or network interface (with optional port number)";
const badAdvertise = "advertise address must be a non-zero IP address or network interface (with optional port number)";
const badDataPath = "data path address must be a non-zero IP address or network interface (without a port number)";

/** `host[:port]` → `host:port`; `what` names the field. */
export function parseTcpAddress(text: string, what: string): string {
  const refuse = (why: string): SwarmError =>
    new SwarmError("InvalidArgument", `invalid ${what} ${JSON.stringify(printable(text))}: ${why}`);
  if (text === "") throw refuse("invalid empty address");
  const scheme = text.indexOf("://");
  if (scheme >= 0 && text.slice(0, scheme) !== "tcp") throw refuse(`Invalid proto, expected tcp: ${printable(text)}`);
  const bare = scheme < 0 ? text : text.slice(scheme + 3);
  const { host, port } = splitPort(bare) ?? { host: "", port: Number.NaN };
  if (host === "" || !isPort(port)) throw refuse(`Invalid bind address format: ${printable(text)}`);
  return joinPort(host, port);
}

/** The address to listen on; an interface's name stands for its first address. */
export function listenAddress(address: string, interfaces: Interfaces): string {
  const { host, port } = splitPort(address) ?? { host: "", port: defaultPort };
  const resolved = resolve(host, interfaces);
  if (resolved === undefined) throw new SwarmError("InvalidArgument", badListen);
  return joinPort(resolved, port);
}

/** The address others reach this node at: as given, or the one the machine has; two to choose from are one too many. */
export function advertiseAddress(text: string, listenAddr: string, interfaces: Interfaces): string {
  const listen = splitPort(listenAddr) ?? { host: "", port: defaultPort };
  if (text === "") return joinPort(isZero(listen.host) ? onlyAddress(interfaces) : listen.host, listen.port);
  const given = splitPort(text, listen.port);
  const resolved = given && isPort(given.port) ? resolve(given.host, interfaces) : undefined;
  if (given === undefined || resolved === undefined || isZero(resolved)) {
    throw new SwarmError("InvalidArgument", badAdvertise);
  }
  return joinPort(resolved, given.port);
}

/** "" = the advertised address. */
export function dataPathAddress(text: string, interfaces: Interfaces): string {
  if (text === "") return "";
  const resolved = resolve(text, interfaces);
  if (resolved === undefined || isZero(resolved)) throw new SwarmError("InvalidArgument", badDataPath);
  return resolved;
}

function onlyAddress(interfaces: Interfaces): string {
  const choices = interfaces.flatMap(({ name, addresses }) =>
    addresses.filter((address) => !address.startsWith("fe80:")).map((address) => ({ name, address })),
  );
  const v4 = choices.filter(({ address }) => isV4(address));
  const candidates = v4.length > 0 ? v4 : choices;
  const [first, second] = candidates;
  if (first === undefined) throw new SwarmError("InvalidArgument", "could not find the system's IP address");
  if (second === undefined) return first.address;
  const where =
    first.name === second.name
      ? `on interface ${first.name} (${first.address} and ${second.address})`
      : `on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name})`;
  throw new SwarmError(
    "InvalidArgument",
    `could not choose an IP address to advertise since this system has multiple addresses ${where}`,
  );
}

function resolve(host: string, interfaces: Interfaces): string | undefined {
  return interfaces.find(({ name }) => name === host)?.addresses[0] ?? (isAddress(host) ? host : undefined);
}

/** `host`, `host:port`, `[v6]:port` or a bare v6 address. */
function splitPort(text: string, otherwise = defaultPort): { host: string; port: number } | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed) return { host: bracketed[1] ?? "", port: Number(bracketed[2] ?? otherwise) };
  if (isV6(text)) return { host: text, port: otherwise };
  const plain = /^([^:/\s]+)(?::(\d{1,5}))?$/.exec(text);
  return plain ? { host: plain[1] ?? "", port: Number(plain[2] ?? otherwise) } : undefined;
}

function joinPort(host: string, port: number): string {
  return isV6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function isZero(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]*:[0:]*$/.test(host);
}

function isAddress(text: string): boolean {
  return isV4(text) || isV6(text);
}

function isV4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** Close enough: groups of hex digits, at most one gap, at least two colons. */
function isV6(text: string): boolean {
  const [address = ""] = text.split("%", 1);
  if (!/^[0-9a-fA-F:]+(?:\.\d{1,3}){0,3}$/.test(address) || address.split("::").length > 2) return false;
  const groups = address.split(":");
  return groups.length >= 3 && groups.length <= 9 && groups.every((group) => group.includes(".") || group.length <= 4);
}
