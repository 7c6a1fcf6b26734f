// The flag types only `swarm` has: listen addresses, address pools, external CAs.
import { isIP } from "node:net";
import { type Flag, flag } from "./flag.js";
import { csvFields } from "./pairs.js";

const defaultListenHost = "0.0.0.0";
const defaultListenPort = 2377;
export const defaultListenAddr = `${defaultListenHost}:${defaultListenPort}`;

/** `<ip|interface>[:port]`; answers both parts. */
export function listenAddress(usage: string): Flag<string> {
  return flag({ label: "node-addr", parse: parseListenAddress }, usage, { shown: defaultListenAddr });
}

export function parseListenAddress(text: string): string {
  if (text === "") return defaultListenAddr;
  const [, bracketed, plain, port] = /^(?:(\[[0-9a-fA-F:.%]+\])|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port ?? 0) > 65_535) {
    throw new Error(`invalid address ${JSON.stringify(text)}: wanted <ip|interface>[:port]`);
  }
  return `${host === "" ? defaultListenHost : host}:${port ?? defaultListenPort}`;
}

/** `10.0.0.0/8`, repeated or with commas between. */
export function addressPools(usage: string): Flag<readonly string[]> {
  const parse = (text: string, before: readonly string[] = []): string[] => [
    ...before,
    ...text.split(",").map(parsePool),
  ];
  return flag({ label: "ipNetSlice", parse }, usage, { shown: "[]" });
}

function parsePool(text: string): string {
  const [ip = "", length = "", ...more] = text.trim().split("/");
  const family = isIP(ip);
  const isPool =
    family !== 0 && more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
  if (!isPool) throw new Error(`invalid string being converted to CIDR: ${text}`);
  return family === 4 ? networkAddress(ip, Number(length)) : `${ip}/${length}`;
}

/** 10.1.2.3/16 is 10.1.0.0/16. */
function networkAddress(ip: string, length: number): string {
  const bits = ip.split(".").reduce((number, part) => number * 256 + Number(part), 0);
  const size = 2 ** (32 - length);
  const base = Math.floor(bits / size) * size;
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${parts.join(".")}/${length}`;
}

export interface ExternalCaFlag {
  readonly protocol: string;
  readonly url: string;
  readonly options: Readonly<Record<string, string>>;
  /** A PEM file, read when the command runs. */
  readonly certFile?: string;
}

export function externalCas(): Flag<readonly ExternalCaFlag[]> {
  const parse = (text: string, before: readonly ExternalCaFlag[] = []): ExternalCaFlag[] => [
    ...before,
    parseExternalCa(text),
  ];
  return flag({ label: "external-ca", parse }, "Specifications of one or more certificate signing endpoints");
}

export function parseExternalCa(text: string): ExternalCaFlag {
  const options: Record<string, string> = {};
  let [protocol, url] = ["", ""];
  let certFile: string | undefined;
  for (const field of csvFields(text)) {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid field '${field}' must be a key=value pair`);
    const [key, value] = [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
    if (key === "protocol") protocol = value;
    else if (key === "url") url = value;
    else if (key === "cacert") certFile = value;
    else options[key] = value;
  }
  if (protocol === "") throw new Error("the external-ca option needs a protocol= parameter");
  if (protocol !== "cfssl") throw new Error(`unrecognized external CA protocol ${protocol}`);
  if (url === "") throw new Error("the external-ca option needs a url= parameter");
  return { protocol, url, options, ...(certFile === undefined ? {} : { certFile }) };
}

export function availabilityOf(text: string | undefined): "" | "active" | "pause" | "drain" {
  const value = (text ?? "").toLowerCase();
  if (value === "" || value === "active" || value === "pause" || value === "drain") return value;
  throw new Error(`invalid availability ${JSON.stringify(text)}, only active, pause and drain are supported`);
}
