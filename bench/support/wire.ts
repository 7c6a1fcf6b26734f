// One keep-alive connection that asks one thing at a time, as lean as it gets: with the load generator on the same two
// cores as what is measured, every microsecond it takes is taken from both sides. Docker's API, over a unix socket.

import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKS_END = Buffer.from("0\r\n\r\n");

export class Wire {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(socketPath: string) {
    this.#socket = connect(socketPath);
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#waiting?.reject(error));
    this.#socket.on("close", () => this.#waiting?.reject(new Error("the connection was closed")));
  }

  /** Rejects when the connection breaks; a status is an answer, whatever it is. */
  ask(method: string, path: string, body?: string): Promise<Answer> {
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const type = body === undefined ? "" : "Content-Type: application/json\r\n";
    this.#socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: docker\r\n${type}Content-Length: ${length}\r\n\r\n${body ?? ""}`,
    );
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const answer = parse(this.#received);
    if (answer === undefined) return;
    this.#received = Buffer.alloc(0);
    this.#waiting?.resolve(answer);
  }
}

/** The answer, once it is whole. */
function parse(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const from = headEnd + HEAD_END.length;
  const status = Number(head.slice(9, 12));
  if (head.includes("\r\ntransfer-encoding: chunked")) {
    const isWhole = bytes.subarray(-CHUNKS_END.length).equals(CHUNKS_END);
    return isWhole ? { status, body: unchunked(bytes.subarray(from)) } : undefined;
  }
  const at = head.indexOf("\r\ncontent-length:");
  const length = at < 0 ? 0 : Number.parseInt(head.slice(at + 17), 10);
  if (bytes.length - from < length) return undefined;
  return { status, body: bytes.toString("utf8", from, from + length) };
}

function unchunked(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(parts).toString("utf8");
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
