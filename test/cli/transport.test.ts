import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
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

  it("uses one connection for one call after the other, and another while that is busy", async () => {
    let connections = 0;
    server.on("connection", () => connections++);
    const send = httpTransport();
    const address = { kind: "unix", path: path.join(folder, "s.sock") } as const;
    const call = async (): Promise<string> => {
      let text = "";
      for await (const chunk of (await send(address, { method: "GET", path: "/", headers: {} })).body)
        text += Buffer.from(chunk).toString();
      return text;
    };
    expect([await call(), await call(), await call()]).toEqual(["ab", "ab", "ab"]);
    expect(connections).toBe(1);
    expect(await Promise.all([call(), call()])).toEqual(["ab", "ab"]);
    expect(connections).toBe(2);
  });

  it("fails a call whose answer breaks off", async () => {
    const broken = net.createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
    await new Promise<void>((resolve) => broken.listen(path.join(folder, "b.sock"), resolve));
    const { body } = await httpTransport()(
      { kind: "unix", path: path.join(folder, "b.sock") },
      { method: "GET", path: "/", headers: {} },
    );
    await expect(drain(body)).rejects.toThrow("in the middle of its answer");
    broken.close();
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

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) continue;
}
