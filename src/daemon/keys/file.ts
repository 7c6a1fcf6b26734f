// The file of a manager's keys, as bytes: in the open, or sealed as a whole with the unlock key.

import { SwarmError } from "../../base/index.js";
import type { Sealer } from "../../raft/index.js";

/** What the file keeps secret, and what it was last locked by. */
export interface KeyFile {
  /** 32 bytes each, newest first: what the log and the snapshots are sealed with. */
  readonly dataKeys: readonly Uint8Array[];
  /** What the node's TLS key is encrypted with while managers are locked. */
  readonly passphrase: string;
  /** Version of the cluster row's unlock key that the file follows; 0: it was never locked. */
  readonly lockVersion: number;
}

export type StoredKeys =
  | { readonly kind: "open"; readonly keys: KeyFile }
  | { readonly kind: "sealed"; readonly sealed: Uint8Array }
  /** Before keys could be locked the file was the data key's 32 bytes and nothing else. */
  | { readonly kind: "first format"; readonly dataKey: Uint8Array };

const format = 1;
const firstFormatBytes = 32;

interface Json {
  readonly format: number;
  readonly keys?: KeysJson;
  readonly sealed?: string;
}

interface KeysJson {
  readonly data: readonly string[];
  readonly passphrase: string;
  readonly lockVersion: number;
}

/** Without a sealer the keys are written in the open. */
export function encodeKeyFile(keys: KeyFile, sealer: Sealer | undefined): Uint8Array {
  const { dataKeys, passphrase, lockVersion } = keys;
  const json: KeysJson = { data: dataKeys.map(base64), passphrase, lockVersion };
  const whole: Json = sealer
    ? { format, sealed: base64(sealer.seal(Buffer.from(JSON.stringify(json)))) }
    : { format, keys: json };
  return Buffer.from(`${JSON.stringify(whole)}\n`);
}

/** Fails with FailedPrecondition when the file is damaged or newer than this Skep. */
export function decodeKeyFile(path: string, bytes: Uint8Array): StoredKeys {
  if (bytes.length === firstFormatBytes) return { kind: "first format", dataKey: bytes.slice() };
  const json = parsed(path, bytes) as Json;
  if (typeof json.format === "number" && json.format > format) {
    throw refused(path, `has format ${json.format}, this Skep reads up to ${format}: run a newer Skep on this node`);
  }
  if (json.sealed !== undefined) return { kind: "sealed", sealed: bytesOf(json.sealed) };
  if (json.keys === undefined) throw damaged(path);
  return { kind: "open", keys: keysFrom(path, json.keys) };
}

/** What was inside the sealed part. */
export function decodeSealed(path: string, content: Uint8Array): KeyFile {
  return keysFrom(path, parsed(path, content) as KeysJson);
}

function keysFrom(path: string, { data, passphrase, lockVersion }: KeysJson): KeyFile {
  const isWhole = Array.isArray(data) && data.length > 0 && typeof passphrase === "string";
  if (!isWhole || !Number.isSafeInteger(lockVersion)) throw damaged(path);
  return { dataKeys: data.map(bytesOf), passphrase, lockVersion };
}

/** Never repeats what it read. */
function parsed(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) ?? {};
  } catch {
    throw damaged(path);
  }
}

function damaged(path: string): SwarmError {
  return refused(path, "is damaged: put it back from a backup, or leave the swarm and join again");
}

function refused(path: string, why: string): SwarmError {
  return new SwarmError("FailedPrecondition", `${path} ${why}`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
