// `--publish 8080:80/udp`, port ranges, or `published=8080,target=80,mode=host`.
import type { PortConfig, PortProtocol, PublishMode } from "../../api/types.js";
import { parseUint } from "./basic.js";
import { type Flag, flag } from "./flag.js";
import { csvFields } from "./pairs.js";

export function ports(usage: string, options: { readonly short?: string } = {}): Flag<readonly PortConfig[]> {
  const parse = (text: string, before: readonly PortConfig[] = []): PortConfig[] => [...before, ...parsePublish(text)];
  return flag({ label: "port", parse }, usage, options);
}

const protocols: readonly string[] = ["tcp", "udp", "sctp"];

/** @throws Error in docker's words */
export function parsePublish(text: string): readonly PortConfig[] {
  return /\w=\w/.test(text) ? [parseLong(text)] : parseShort(text);
}

function parseLong(text: string): PortConfig {
  let protocol = "tcp";
  let mode = "ingress";
  let target = 0;
  let published = 0;
  for (const field of csvFields(text)) {
    const [key = "", ...rest] = field.toLowerCase().split("=");
    if (rest.length === 0) throw new Error(`invalid field: ${field}`);
    const value = rest.join("=");
    if (key === "protocol") protocol = oneOf(value, protocols, `invalid protocol value '${value}'`);
    else if (key === "mode") mode = publishMode(value);
    else if (key === "target") target = longPort("target", value);
    else if (key === "published") published = longPort("published", value);
    else throw new Error(`invalid field key: ${key}`);
  }
  if (target === 0) throw new Error("missing mandatory field 'target'");
  return portConfig(protocol, target, published, mode);
}

function publishMode(value: string): string {
  return oneOf(value, ["ingress", "host"], `invalid publish mode value (${value}): must be either 'ingress' or 'host'`);
}

function oneOf(value: string, allowed: readonly string[], why: string): string {
  if (!allowed.includes(value)) throw new Error(why);
  return value;
}

function longPort(name: string, value: string): number {
  try {
    return parseUint(value, 16, 10);
  } catch (error) {
    const why = String(error).includes("out of range") ? "value out of range" : "invalid syntax";
    throw new Error(`invalid ${name} port (${value}): value must be an integer: ${why}`);
  }
}

function parseShort(text: string): readonly PortConfig[] {
  const { ip, host, container } = splitShort(text);
  const slash = container.indexOf("/");
  const numbers = slash < 0 ? container : container.slice(0, slash);
  const protocol = (slash < 0 ? "tcp" : container.slice(slash + 1)).toLowerCase();
  if (ip !== "" && !isIp(ip)) throw new Error(`invalid IP address: ${ip}`);
  if (numbers === "") throw new Error(`no port specified: ${text}<empty>`);
  const targets = range(numbers, "containerPort");
  const published = host === "" ? [] : range(host, "hostPort");
  if (host !== "" && targets.length !== published.length && targets.length !== 1) {
    throw new Error(`invalid ranges specified for container and host Ports: ${numbers} and ${host}`);
  }
  oneOf(protocol, protocols, `invalid proto: ${protocol}`);
  if (ip !== "") throw new Error("hostip is not supported");
  if (published.length > targets.length)
    return published.map((port) => portConfig(protocol, targets[0] ?? 0, port, "ingress"));
  return targets.map((target, index) => portConfig(protocol, target, published[index] ?? 0, "ingress"));
}

/** `[IP:]HOST:CONTAINER`, from the right; an IPv6 address stands in brackets. */
function splitShort(text: string): { readonly ip: string; readonly host: string; readonly container: string } {
  const parts = text.split(":");
  const container = parts.at(-1) ?? "";
  if (parts.length === 1) return { ip: "", host: "", container };
  const host = parts.at(-2) ?? "";
  return {
    ip: parts
      .slice(0, -2)
      .join(":")
      .replace(/^\[(.*)\]$/, "$1"),
    host,
    container,
  };
}

function isIp(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text);
}

function range(text: string, name: string): number[] {
  const [from = "", to = from, ...more] = text.split("-");
  if (more.length > 0) throw new Error(`invalid ${name}: ${text}`);
  const [first, last] = [shortPort(from, text, name), shortPort(to, text, name)];
  if (last < first) throw new Error(`invalid ${name}: ${text}`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function shortPort(digits: string, text: string, name: string): number {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`invalid ${name}: ${text}`);
  return port;
}

function portConfig(protocol: string, target: number, published: number, mode: string): PortConfig {
  return {
    Protocol: protocol as PortProtocol,
    TargetPort: target,
    ...(published === 0 ? {} : { PublishedPort: published }),
    PublishMode: mode as PublishMode,
  };
}
