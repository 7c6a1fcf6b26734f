// `--secret`, `--config` and `--network`: names of other objects, with how they are to be seen.
import type { FileTarget } from "../../api/types.js";
import { parseUint } from "./basic.js";
import { type Flag, flag } from "./flag.js";
import { csvFields } from "./pairs.js";

/** A secret or config by name, before its id is known. */
export interface FileReference {
  readonly source: string;
  readonly file: FileTarget;
}

export function fileReferences(kind: "secret" | "config", usage: string): Flag<readonly FileReference[]> {
  const parse = (text: string, before: readonly FileReference[] = []): FileReference[] => [
    ...before,
    parseFileReference(kind, text),
  ];
  return flag({ label: kind, parse }, usage);
}

const defaultMode = 0o444;

export function parseFileReference(kind: "secret" | "config", text: string): FileReference {
  if (text.trim() === "") throw new Error("EOF");
  const fields = csvFields(text);
  const [only = ""] = fields;
  if (fields.length === 1 && !only.includes("=")) return reference(only, "", "0", "0", defaultMode);
  let [source, target, uid, gid, mode] = ["", "", "0", "0", defaultMode];
  for (const field of fields) {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid field '${field}' must be a key=value pair`);
    const [key, value] = [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
    if (key === "source" || key === "src") source = value;
    else if (key === "target") target = value;
    else if (key === "uid") uid = value;
    else if (key === "gid") gid = value;
    else if (key === "mode") mode = fileMode(value);
    else throw new Error(`invalid field in ${kind} request: ${key}`);
  }
  if (source === "") throw new Error("source is required");
  return reference(source, target, uid, gid, mode);
}

function reference(source: string, target: string, uid: string, gid: string, mode: number): FileReference {
  return { source, file: { Name: target === "" ? source : target, UID: uid, GID: gid, Mode: mode } };
}

function fileMode(value: string): number {
  try {
    return parseUint(value, 32);
  } catch (error) {
    throw new Error(`invalid mode specified: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export interface NetworkReference {
  /** Name or id. */
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
}

export function networkReferences(usage: string): Flag<readonly NetworkReference[]> {
  const parse = (text: string, before: readonly NetworkReference[] = []): NetworkReference[] => [
    ...before,
    parseNetwork(text),
  ];
  return flag({ label: "network", parse }, usage);
}

export function parseNetwork(text: string): NetworkReference {
  if (!/\w=\w/.test(text)) return { target: text, aliases: [], driverOptions: {} };
  let target = "";
  const aliases: string[] = [];
  const driverOptions: Record<string, string> = {};
  for (const field of csvFields(text)) {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid field ${field}`);
    const [key, value] = [field.slice(0, at).trim().toLowerCase(), field.slice(at + 1).trim()];
    if (key === "name") target = value;
    else if (key === "alias") aliases.push(value);
    else if (key === "driver-opt") Object.assign(driverOptions, driverOption(value));
    else throw new Error(`invalid field key ${key}`);
  }
  if (target === "") throw new Error("network name/id is not specified");
  return { target, aliases, driverOptions };
}

function driverOption(value: string): Record<string, string> {
  const [, key, text] = /^([^=]+)=(.*)$/s.exec(value) ?? [];
  if (key === undefined || text === undefined) throw new Error("invalid key value pair format in driver options");
  return { [key.trim().toLowerCase()]: text.trim() };
}
