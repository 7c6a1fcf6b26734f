// Base64 in and out: padded standard for binary fields, URL-safe for X-Registry-Auth.

import { invalidJson } from "./json.js";

const standard = /^[A-Za-z0-9+/]*={0,2}$/;

/** A binary field of a body. */
export function decodeBase64(text: string): Buffer {
  const bad = text.length % 4 === 0 && standard.test(text) ? -1 : text.search(/[^A-Za-z0-9+/]|$/);
  if (bad >= 0) throw invalidJson(`illegal base64 data at input byte ${bad}`);
  return Buffer.from(text, "base64");
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Either alphabet, padded or not, as clients really send; undefined for what is none. */
export function decodeLooseBase64(text: string): string | undefined {
  const padded = /^[A-Za-z0-9+/_-]*={0,2}$/.test(text);
  return padded ? Buffer.from(text, "base64url").toString() : undefined;
}

export function encodeUrlBase64(text: string): string {
  return Buffer.from(text).toString("base64").replace(/\+/g, "-").replace(/\//g, "_");
}
