// Connections that stop being HTTP: `docker run -it`, exec, attach, BuildKit. After the head both sides are raw bytes, and
// each direction ends by itself: the end of stdin must reach the container while its output still comes.

import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorResponse } from "../index.js";
import { engineGone } from "./engine.js";
import type { Connection } from "./patient-socket.js";

export interface UpgradePassage {
  readonly connection: Connection;
  readonly engine: string;
  readonly url: string;
}

/** `head` is what came behind the request's headers: its body, or the first raw bytes. */
export function passUpgrade(message: IncomingMessage, client: Duplex, head: Buffer, passage: UpgradePassage): void {
  const engine = connectTo(passage.connection);
  let isThrough = false;
  engine.once("connect", () => {
    isThrough = true;
    engine.write(requestHead(message, passage.url));
    if (head.length > 0) engine.write(head);
    client.pipe(engine);
    engine.pipe(client);
  });
  engine.on("error", (error) => {
    if (isThrough) client.destroy();
    else client.end(refusal(engineGone(passage.engine, error).message));
  });
  client.on("error", () => engine.destroy());
  client.on("close", () => engine.destroy());
  engine.on("close", () => client.end());
}

function connectTo(connection: Connection): Socket {
  const target = "socketPath" in connection ? { path: connection.socketPath } : connection;
  return connect({ ...target, allowHalfOpen: true, noDelay: true });
}

function requestHead(message: IncomingMessage, url: string): string {
  let text = `${message.method} ${url} HTTP/${message.httpVersion}\r\n`;
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    text += `${message.rawHeaders[at]}: ${message.rawHeaders[at + 1]}\r\n`;
  }
  return `${text}\r\n`;
}

/** The connection is raw by now, so an answer is written by hand. */
export function refusal(text: string, status = "503 Service Unavailable"): string {
  const { body } = errorResponse(503, text);
  const json = body.kind === "bytes" ? Buffer.from(body.bytes).toString() : "";
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\nConnection: close\r\n\r\n${json}`;
}
