// A request's body as JSON: its content type, its encoding, its one value.

import { SwarmError } from "../../base/index.js";
import type { ApiRequest } from "../http.js";
import { type Json, parseJson } from "./json.js";
import { Reader } from "./reader.js";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The body's fields; no body is one without fields. `what` names it in errors. */
export function readBody(request: ApiRequest, what: string): Reader {
  return Reader.of(parseBody(request), what);
}

function parseBody({ body, headers }: ApiRequest): Json | undefined {
  refuseOtherTypes(headers["content-type"], body.length);
  return body.length === 0 ? undefined : parseJson(utf8.decode(body));
}

function refuseOtherTypes(header: string | undefined, length: number): void {
  if (header === undefined && length === 0) return;
  const type = header?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new SwarmError(
      "InvalidArgument",
      `unsupported Content-Type header (${printable(header ?? "")}): must be 'application/json'`,
    );
  }
}

/** Text of a client's inside an answer: bounded, without control characters. */
export function printable(text: string): string {
  return text.slice(0, 200).replace(/\p{Cc}/gu, "?");
}
