// API versions: what a path asks for, what is advertised, and how two compare (docker-api.md §1.2).

import { SwarmError } from "../base/index.js";

/** `1.41` */
export type ApiVersion = string;

export const versionMax: ApiVersion = "1.50";
export const versionMin: ApiVersion = "1.24";
/** Advertised while the engine does not answer: the oldest engine there is good reason to expect. */
export const versionOfSilence: ApiVersion = "1.41";

export function isBelow(version: ApiVersion, other: ApiVersion): boolean {
  return compare(version, other) < 0;
}

export function earlier(one: ApiVersion, other: ApiVersion): ApiVersion {
  return isBelow(one, other) ? one : other;
}

/** `/v1.41/services` → its version and `/services`; without a version the newest is meant. */
export function splitVersion(path: string): { readonly version: ApiVersion | undefined; readonly rest: string } {
  const [, version, rest] = /^\/v([0-9.]{1,20})(\/.*)$/.exec(path) ?? [];
  return version === undefined ? { version: undefined, rest: path } : { version, rest: rest ?? "/" };
}

/** Too old is plain text at Docker, for clients that know no better. */
export class VersionTooOld extends SwarmError {
  constructor(version: ApiVersion) {
    super(
      "InvalidArgument",
      `client version ${version} is too old. Minimum supported API version is ${versionMin}, please upgrade your client to a newer version`,
    );
  }
}

export function refuseUnsupported(version: ApiVersion): void {
  if (isBelow(version, versionMin)) throw new VersionTooOld(version);
  if (isBelow(versionMax, version)) {
    throw new SwarmError(
      "InvalidArgument",
      `client version ${version} is too new. Maximum supported API version is ${versionMax}`,
    );
  }
}

function compare(one: ApiVersion, other: ApiVersion): number {
  const left = one.split(".");
  const right = other.split(".");
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = Number(left[at] ?? 0) - Number(right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
