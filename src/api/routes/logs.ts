// /services/{id}/logs and /tasks/{id}/logs

import { findService, findTask, revisionId, specOf } from "../../manager/control/index.js";
import type { LeaderCall, RouteSpec } from "../call.js";
import { decodeLogQuery } from "../decode/log-query.js";
import { encodeLogLine, encodeTrouble, type LogFormat } from "../encode/log-lines.js";
import type { ApiResponse } from "../http.js";
import type { LogPart, LogSelector } from "../modules.js";
import { unavailable } from "../texts.js";
import { isBelow } from "../version.js";

export const logRoutes: readonly RouteSpec[] = [
  logRoute("/services/{id}/logs", (call) => {
    const service = findService(call.control.view, call.id);
    const isTty = specOf(call.control.view, service).task?.container?.tty ?? false;
    return logs(call, { kind: "service", id: service.id }, isTty);
  }),
  logRoute("/tasks/{id}/logs", (call) => {
    const { view } = call.control;
    const task = findTask(view, call.id);
    const made = view.table("revision").get(revisionId(task.serviceId, task.revision))?.spec;
    return logs(call, { kind: "task", id: task.id }, made?.task?.container?.tty ?? false);
  }),
];

/** Says whether the stream has frames, which its type does not always: what is added to it must know. */
const framedHeader = "Skep-Log-Framed";
const brokenOff = "the way to the leader broke off: ask again for the lines that came since";

function logRoute(path: string, handle: (call: LeaderCall) => ApiResponse): RouteSpec {
  return { method: "GET", path, handler: { where: "leader", handle, finish: endingWithAWord } };
}

/** A stream that another manager gave and that breaks off with it ends like one that this one gave. */
function endingWithAWord(answer: ApiResponse): ApiResponse {
  const { body, headers } = answer;
  if (body.kind !== "stream") return answer;
  const { stream } = body;
  const isFramed = Object.entries(headers).some(
    ([name, value]) => name.toLowerCase() === framedHeader.toLowerCase() && value === "true",
  );
  const format = { framed: isFramed, timestamps: false, details: false };
  async function* whole(): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* stream;
    } catch {
      yield encodeTrouble(`rpc error: code = Unavailable desc = ${brokenOff}`, format);
    }
  }
  return { ...answer, body: { kind: "stream", stream: whole() } };
}

/** Up to 1.41 frames were called raw too. */
const framesSince = "1.42";

function logs({ request, query, shared, version }: LeaderCall, selector: LogSelector, isTty: boolean): ApiResponse {
  const { read, timestamps, details } = decodeLogQuery(query);
  const broker = shared.modules.node.logs?.();
  if (broker === undefined) throw unavailable("logs come from the leader, and there is none: try again");
  const format = { framed: !isTty, timestamps, details };
  const parts = broker.subscribe(selector, read, request.closed());
  const kind = format.framed && !isBelow(version, framesSince) ? "multiplexed" : "raw";
  const encoder = { format, now: () => new Date(shared.modules.clock.now()), hasStderr: read.stderr };
  return {
    status: 200,
    headers: { "Content-Type": `application/vnd.docker.${kind}-stream`, [framedHeader]: String(format.framed) },
    body: { kind: "stream", stream: encoded(parts, encoder) },
  };
}

interface Encoder {
  readonly format: LogFormat;
  readonly now: () => Date;
  readonly hasStderr: boolean;
}

async function* encoded(parts: AsyncIterable<LogPart>, encoder: Encoder): AsyncGenerator<Uint8Array, void, void> {
  for await (const part of parts) {
    if (part.kind === "lines") yield Buffer.concat([...encodedLines(part, encoder)]);
    else yield encodeTrouble(`rpc error: code = Unknown desc = ${part.text}`, encoder.format);
  }
}

function* encodedLines(
  { lines }: LogPart & { readonly kind: "lines" },
  { format, now, hasStderr }: Encoder,
): Generator<Uint8Array, void, void> {
  for (const line of lines) {
    if (line.said.$case === "line") yield encodeLogLine(line.said.line, line, format);
    // The client would end at the daemon's own stream, so it stands among the task's errors.
    else if (hasStderr) {
      const data = Buffer.from(line.said.text);
      const timestamp = now().toISOString().replace("Z", "000000Z");
      yield encodeLogLine({ timestamp, data, details: "", isStderr: true }, line, format);
    }
  }
}
