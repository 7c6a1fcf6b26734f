// What single entries of list flags must look like; errors in docker's words.
import { isIP } from "node:net";
import type { Ulimit } from "../../api/types.js";
import { parseInt64 } from "./basic.js";
import { type Flag, type FlagType, flag } from "./flag.js";

export function checkEnv(value: string): string {
  if (value.split("=")[0] === "") throw new Error(`invalid environment variable: ${value}`);
  return value;
}

export function checkLabel(value: string): string {
  if (value.split("=")[0] === "") throw new Error(`invalid label '${value}': empty name`);
  return value;
}

export function checkIp(value: string): string {
  const ip = value.trim();
  if (isIP(ip) === 0) throw new Error(`IP address is not correctly formatted: ${value}`);
  return ip;
}

const domainLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const domainName = new RegExp(`^${domainLabel}(?:\\.${domainLabel})*\\.?\\s*$`);

export function checkDomain(value: string): string {
  const domain = value.trim();
  if (domain === ".") return domain;
  const isDomain = /[a-zA-Z]/.test(domain) && domain.length < 255 && domainName.test(domain);
  if (!isDomain) throw new Error(`${value} is not a valid domain`);
  return domain;
}

/** `name:ip` or `name=ip`; answers `name:ip`. */
export function checkHost(value: string): string {
  const [, name, address] = /^([^:=]+)[:=](.+)$/s.exec(value) ?? [];
  if (name === undefined || address === undefined) throw new Error(`bad format for add-host: ${JSON.stringify(value)}`);
  const ip = address.replace(/^\[(.*)\]$/, "$1");
  if (ip !== "host-gateway" && isIP(ip) === 0)
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${name}:${ip}`;
}

export function checkPair(what: string): (value: string) => string {
  return (value) => {
    if (!value.includes("=")) throw new Error(`invalid ${what} format \`${value}\` expected \`name=value\``);
    return value;
  };
}

export function placementPreferences(usage: string): Flag<readonly string[]> {
  return flag(
    { label: "pref", parse: (text, before: readonly string[] = []) => [...before, parsePreference(text)] },
    usage,
  );
}

/** What tasks are spread over; spread is the only strategy. */
function parsePreference(text: string): string {
  const at = text.indexOf("=");
  if (at < 0) throw new Error('placement preference must be of the format "<strategy>=<arg>"');
  const strategy = text.slice(0, at);
  if (strategy !== "spread") throw new Error(`unsupported placement preference ${strategy} (only spread is supported)`);
  return text.slice(at + 1);
}

const ulimitNames = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];

/** By name: a later one of the same name replaces the earlier. */
export function ulimits(usage: string): Flag<readonly Ulimit[]> {
  const parse = (text: string, before: readonly Ulimit[] = []): Ulimit[] => {
    const limit = parseUlimit(text);
    return [...before.filter(({ Name }) => Name !== limit.Name), limit];
  };
  return flag({ label: "ulimit", parse }, usage, { shown: "[]" });
}

export function parseUlimit(text: string): Ulimit {
  const at = text.indexOf("=");
  if (at < 0) throw new Error(`invalid ulimit argument: ${text}`);
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (!ulimitNames.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const [first = "", second, ...more] = value.split(":");
  if (more.length > 0)
    throw new Error(`too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
  const soft = parseInt64(first, "ParseInt", 10);
  const hard = second === undefined ? soft : parseInt64(second, "ParseInt", 10);
  if (hard !== -1 && soft === -1) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`);
  }
  if (hard !== -1 && soft > hard) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Hard: hard, Soft: soft };
}

/** A command line in one text, split as a shell would. */
export function command(usage: string): Flag<readonly string[]> {
  const type: FlagType<readonly string[]> = { label: "command", parse: splitCommand };
  return flag(type, usage);
}

export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "#" && word === undefined) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else if (character === "'" || character === '"') {
      const { quoted, end } = quotedPart(text, at);
      word = (word ?? "") + quoted;
      at = end;
    } else if (character === "\\") {
      at++;
      if (at >= text.length) throw new Error("EOF found after escape character");
      word = (word ?? "") + text.charAt(at);
    } else word = (word ?? "") + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function quotedPart(text: string, open: number): { readonly quoted: string; readonly end: number } {
  const quote = text.charAt(open);
  let quoted = "";
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === quote) return { quoted, end: at };
    if (text[at] === "\\" && quote === '"') at++;
    quoted += text.charAt(at);
  }
  throw new Error("EOF found when expecting closing quote");
}

export type CredentialSpecFlag =
  | { readonly config: string }
  | { readonly file: string }
  | { readonly registry: string };

export function credentialSpec(usage: string): Flag<CredentialSpecFlag | undefined> {
  return flag({ label: "credential-spec", parse: parseCredentialSpec }, usage);
}

function parseCredentialSpec(text: string): CredentialSpecFlag | undefined {
  if (text === "") return undefined;
  if (text.startsWith("config://")) return { config: text.slice("config://".length) };
  if (text.startsWith("file://")) return { file: text.slice("file://".length) };
  if (text.startsWith("registry://")) return { registry: text.slice("registry://".length) };
  throw new Error('invalid credential spec: value must be prefixed with "config://", "file://", or "registry://"');
}
