// Lines of logs as Docker's clients read them: frames of an 8-byte header and one line, or, of a terminal, the bare lines.

import type { LogLine } from "../../gen/skep/v1/logs.js";

export interface LogFormat {
  /** False: the service has a terminal. */
  readonly framed: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** Whose line it is. */
export interface LogContext {
  readonly nodeId: string;
  readonly serviceId: string;
  readonly taskId: string;
}

/** 1 stdout, 2 stderr, 3 trouble that is the daemon's: a client ends at it. */
export type LogStream = 1 | 2 | 3;

const headerBytes = 8;

/** `[timestamp ][details ]line` and its line break. */
export function encodeLogLine(
  { timestamp, data, details, isStderr }: Pick<LogLine, "timestamp" | "data" | "details" | "isStderr">,
  context: LogContext,
  format: LogFormat,
): Uint8Array {
  const before = (format.timestamps ? `${timestamp} ` : "") + (format.details ? `${detailsOf(context, details)} ` : "");
  return encodeText(isStderr ? 2 : 1, before, data, format);
}

/** The daemon's own word among the lines. */
export function encodeTrouble(text: string, format: LogFormat): Uint8Array {
  return encodeText(3, `Error grabbing logs: ${text}`, new Uint8Array(0), format);
}

function encodeText(stream: LogStream, before: string, data: Uint8Array, { framed }: LogFormat): Uint8Array {
  const end = framed ? "\n" : "\r\n";
  const head = Buffer.byteLength(before);
  const length = head + data.length + end.length;
  const at = framed ? headerBytes : 0;
  const bytes = Buffer.allocUnsafe(at + length);
  if (framed) {
    bytes.writeUInt32BE(stream * 2 ** 24, 0);
    bytes.writeUInt32BE(length, 4);
  }
  bytes.write(before, at);
  bytes.set(data, at + head);
  bytes.write(end, at + head + data.length);
  return bytes;
}

/** `key=value,…` by key, escaped as in a query; those of the context are in every line: the CLI ends without them. */
function detailsOf({ nodeId, serviceId, taskId }: LogContext, others: string): string {
  const own = [
    `com.docker.swarm.node.id=${nodeId}`,
    `com.docker.swarm.service.id=${serviceId}`,
    `com.docker.swarm.task.id=${taskId}`,
  ];
  if (others === "") return own.join(",");
  const keyOf = (pair: string): string => pair.split("=", 1)[0] ?? "";
  const foreign = others.split(",").filter((pair) => !own.some((each) => keyOf(each) === keyOf(pair)));
  return [...own, ...foreign].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).join(",");
}
