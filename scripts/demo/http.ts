// Docker's HTTP API over a unix socket: as much as the demo needs.

import { request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const answerMs = 10_000;

/** Rejects when nobody answers within the bound. */
export function call(socketPath: string, method: string, path: string, timeoutMs = answerMs): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${socketPath} does not answer`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** As `call`, for an answer in JSON; one of 400 and more rejects with what it said. */
export async function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  const { status, body } = await call(socketPath, method, path);
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${body.trim()}`);
  return body === "" ? undefined : JSON.parse(body);
}
