import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { httpTransport } from "../../src/cli/host/transport.js";

let folder: string;
let server: http.Server;
let seen: { method?: string | undefined; url?: string | undefined; body: string; length?: string | undefined }[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "skep-cli-"));
  seen = [];
  server = http.createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(path.join(folder, "s.sock"), resolve));
});

async function respond(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  seen.push({ method: request.method, url: request.url, body, length: request.headers["content-length"] });
  response.writeHead(201, { "Api-Version": "1.50" });
  response.write("a");
  response.end("b");
}

afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

describe("HTTP over a unix socket", () => {
  it("sends bodies with their length in bytes and hands the answer on as it comes", async () => {
    const send = httpTransport();
    const address = { kind: "unix", path: path.join(folder, "s.sock") } as const;
    const response = await send(address, { method: "POST", path: "/x?a=b", headers: {}, body: '{"ü":1}' });
    let text = "";
    for await (const chunk of response.body) text += Buffer.from(chunk).toString();
    expect({ status: response.status, version: response.headers["api-version"], text }).toEqual({
      status: 201,
      version: "1.50",
      text: "ab",
    });
    expect(seen).toEqual([{ method: "POST", url: "/x?a=b", body: '{"ü":1}', length: "8" }]);
  });

  it("rejects with the system's code where nobody listens", async () => {
    const missing = { kind: "unix", path: path.join(folder, "none.sock") } as const;
    await expect(httpTransport()(missing, { method: "GET", path: "/", headers: {} })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  it("stops when told to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    const address = { kind: "unix", path: path.join(folder, "s.sock") } as const;
    await expect(
      httpTransport()(address, { method: "GET", path: "/", headers: {}, signal: stop.signal }),
    ).rejects.toThrow();
  });

  it("names the TLS file it cannot read", async () => {
    const tls = { verify: true, ca: "/nonexistent/ca.pem" };
    await expect(
      httpTransport()({ kind: "tcp", host: "localhost", port: 1, tls }, { method: "GET", path: "/", headers: {} }),
    ).rejects.toThrow(/could not read the TLS ca file: .*\(--tlscacert names another\)/);
  });
});
