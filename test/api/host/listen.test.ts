// The sockets themselves: who may use them, TLS, and what an API over an embedded engine does.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createApiServer, type HandlerRequest } from "../../../src/api/host/index.js";
import { systemClock } from "../../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../../src/base/index.js";
import { explain } from "../../../src/manager/insight/index.js";
import { apiFixture, FakeNode } from "../fixture.js";

const modules = {
  node: new FakeNode(),
  engine: { kind: "socket", path: "/nowhere" } as const,
  clock: systemClock,
  log: silentLog,
  metrics: silentMetrics,
  status: () => Promise.reject(new Error("none")),
  newId: () => "id",
  insight: { explain, plan: () => Promise.reject(new Error("none")) },
};

test("the unix socket is for its owner and its group", async () => {
  const fixture = await apiFixture();
  expect(statSync(fixture.socketPath).mode & 0o777).toBe(0o660);
  await fixture.close();
});

test("a path that cannot be had is refused, and nothing is left listening", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-listen-"));
  const good = join(folder, "a.sock");
  const server = createApiServer(
    {
      version: "0",
      listen: [
        { kind: "unix", path: good },
        { kind: "unix", path: join(folder, "no", "such", "folder") },
      ],
    },
    modules,
  );
  await expect(server.listen()).rejects.toThrow();
  expect(() => statSync(good)).toThrow();
  rmSync(folder, { recursive: true });
});

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-tls-"));
  const file = (name: string): string => readFileSync(join(folder, name), "utf8");
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });

  test("asks for a certificate of its authority and refuses others", async () => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=ca",
      "-days",
      "2",
    );
    openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "n.key",
      "-out",
      "n.csr",
      "-subj",
      "/CN=localhost",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      "n.csr",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-out",
      "n.pem",
      "-days",
      "2",
    );
    const tls = { ca: file("ca.pem"), cert: file("n.pem"), key: file("n.key") };
    const server = createApiServer(
      { version: "0", listen: [{ kind: "tcp", host: "127.0.0.1", port: 0, tls }] },
      modules,
    );
    const [address = ""] = await server.listen();
    const port = Number(address.split(":").at(-1));
    const ping = (identity: object): Promise<number> =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          { host: "127.0.0.1", port, path: "/_ping", servername: "localhost", ca: tls.ca, agent: false, ...identity },
          (incoming) => {
            incoming.resume();
            resolve(incoming.statusCode ?? 0);
          },
        );
        outgoing.on("error", reject);
        outgoing.end();
      });
    expect(await ping({ cert: tls.cert, key: tls.key })).toBe(200);
    await expect(ping({})).rejects.toThrow();
    await server.close();
    rmSync(folder, { recursive: true });
  });
});

test("an engine inside this process is asked through its handler", async () => {
  const asked: HandlerRequest[] = [];
  const fixture = await apiFixture({
    engine: {
      kind: "handler",
      address: "embedded:",
      handle: async (request) => {
        asked.push(request);
        const headers = { "Content-Type": "application/json", "Api-Version": "1.50" };
        return { status: request.path === "/v1.50/x" ? 501 : 200, headers, body: '{"ID":"embedded"}' };
      },
    },
  });
  expect((await fixture.ask("GET", "/info")).json).toMatchObject({ ID: "embedded", Name: "h1" });
  expect((await fixture.ask("HEAD", "/_ping")).headers["api-version"]).toBe("1.50");
  expect(await fixture.ask("GET", "/containers/json?all=1")).toMatchObject({ status: 200, json: { ID: "embedded" } });
  expect(asked.at(-1)).toMatchObject({ method: "GET", path: "/containers/json", query: "all=1" });
  expect((await fixture.ask("POST", "/v1.50/x", "body")).status).toBe(501);
  await fixture.close();
});
