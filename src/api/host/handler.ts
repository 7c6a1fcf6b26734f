// A request of the engine's where the engine is a part of this process.

import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../base/index.js";
import { errorResponse } from "../index.js";
import { type EngineAddress, engineHttp } from "./engine.js";
import type { Target } from "./request.js";
import { respond } from "./respond.js";

export async function answerFromHandler(
  message: IncomingMessage,
  response: ServerResponse,
  engine: EngineAddress,
  { path, query }: Target,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the client has gone")));
  // What it is sent is of no use to it, but must be read for the answer to go out.
  message.resume();
  const answer = await engineHttp(engine)
    .fetch({ method: message.method ?? "GET", path, query, signal: gone.signal })
    .catch((error: unknown) => messageOf(error));
  if (typeof answer === "string") return respond(response, errorResponse(503, answer), {});
  const headers = { "content-type": "application/json", ...answer.headers };
  await respond(response, { status: answer.status, headers, body: { kind: "stream", stream: answer.body } }, {});
}
