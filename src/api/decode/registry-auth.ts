// X-Registry-Auth → what is stored with the spec. The header is often something else: `{}`, a whole service spec, an id.

import { decodeLooseBase64, encodeUrlBase64 } from "./base64.js";

const keys = ["username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken"] as const;

/** Longest credential taken; tokens of registries reach some kilobytes. */
const valueLengthMax = 64 * 1024;

/**
 * The credentials in the header as base64url JSON with known keys only; "" when there are none in it. Secret: it goes into
 * ContainerSpec.registryAuth and nowhere else. What cannot be read is no credential (docker-api.md traps 25, 26).
 */
export function decodeRegistryAuth(header: string | undefined): string {
  if (header === undefined || header === "") return "";
  const text = decodeLooseBase64(header);
  const given = text === undefined ? undefined : parseObject(text);
  if (given === undefined) return "";
  const known = keys.flatMap((key) => {
    const value = given[key];
    return typeof value === "string" && value !== "" && value.length <= valueLengthMax ? [[key, value] as const] : [];
  });
  return known.length === 0 ? "" : encodeUrlBase64(JSON.stringify(Object.fromEntries(known)));
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]));
  } catch {
    return undefined;
  }
}
