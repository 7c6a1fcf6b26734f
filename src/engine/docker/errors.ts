// What an engine's failure means: status and body → SwarmError, and the sentences for an engine that is not there.

import { type ErrorKind, messageOf, SwarmError } from "../../base/index.js";
import { engineAddressText, type SocketAddress } from "../address.js";
import { object, parseJson, text } from "./json.js";

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  400: "InvalidArgument",
  401: "Unauthenticated",
  403: "PermissionDenied",
  404: "NotFound",
  409: "FailedPrecondition",
  501: "Unimplemented",
  503: "Unavailable",
};

/** An answer of 400 and above, in the engine's own words. */
export function refusal(status: number, body: string, what: string): SwarmError {
  return new SwarmError(kindOfStatus[status] ?? "Unknown", wordsOf(status, body, what));
}

function wordsOf(status: number, body: string, what: string): string {
  const message = text(object(parseJson(body))["message"]).trim();
  return message || body.trim().slice(0, 500) || `${what}: the engine answered ${status}`;
}

/** The connection failed or broke. */
export function unreachable(address: SocketAddress, error: unknown): SwarmError {
  const where = engineAddressText(address);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const message =
    code === "ENOENT" || code === "ECONNREFUSED"
      ? `Cannot connect to the Docker daemon at ${where}. Is the docker daemon running?`
      : code === "EACCES"
        ? `permission denied while trying to connect to the Docker daemon socket at ${where}`
        : `the connection to the Docker daemon at ${where} broke: ${messageOf(error)}`;
  return new SwarmError("Unavailable", message, { cause: error });
}

/** The engine is there and says nothing. */
export function silent(address: SocketAddress, what: string, waitedMs: number): SwarmError {
  const where = engineAddressText(address);
  return new SwarmError("Unavailable", `the Docker daemon at ${where} did not answer in ${waitedMs} ms (${what})`);
}

/** The engine answers, this call does not end. */
export function tooLong(what: string, boundMs: number): SwarmError {
  return new SwarmError("DeadlineExceeded", `${what}: the engine did not finish it in ${boundMs / 1000} s`);
}

/**
 * A failed pull. Docker answers 404 or 500 before the stream, or 200 and an error inside it; the text is the registry's,
 * so the kind is read from it. Never Unavailable: that word is for the engine.
 */
export function pullFailure(message: string): SwarmError {
  return new SwarmError(pullKinds.find(([words]) => words.test(message))?.[1] ?? "Unknown", message);
}

const pullKinds: readonly (readonly [RegExp, ErrorKind])[] = [
  [/manifest unknown|not found|name unknown|does not exist/i, "NotFound"],
  [/unauthorized|authentication required|no basic auth/i, "Unauthenticated"],
  [/denied|forbidden/i, "PermissionDenied"],
  [/invalid reference|invalid repository|must be lowercase/i, "InvalidArgument"],
];
