// What is the engine's goes there and back as bytes.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiFixture, type Fixture, fastClock } from "../fixture.js";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  body: number;
}

/** An engine of API 1.41 that remembers what it was asked. */
class FakeEngine {
  readonly folder = mkdtempSync(join(tmpdir(), "skep-fake-engine-"));
  readonly path = join(this.folder, "docker.sock");
  readonly seen: Seen[] = [];
  readonly #server: Server;
  /** Bytes of `/endless` that the kernel or the reader took. */
  endlessBytes = 0;

  constructor() {
    this.#server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
      const seen: Seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: 0 };
      this.seen.push(seen);
      const path = seen.url.split("?")[0] ?? "";
      const common = {
        "Api-Version": "1.41",
        Server: "Docker/20.10.24 (linux)",
        Ostype: "linux",
        "Builder-Version": "1",
      };
      if (path === "/_ping") return void response.writeHead(200, common).end();
      if (path.endsWith("/endless")) return this.#endless(response);
      if (path.endsWith("/hang-up")) {
        // Answers and goes, as Go's server does with a body its handler did not want.
        return void request.socket.end(
          "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n" +
            '{"message":"no"}\n',
        );
      }
      if (path.endsWith("/refuse")) {
        response.writeHead(400, { "Content-Type": "application/json" }).end('{"message":"no"}\n');
        return;
      }
      if (path === "/events") {
        response.writeHead(200, { "Content-Type": "application/json" });
        response.flushHeaders();
        return void setTimeout(() => response.write('{"Type":"container","Action":"start","scope":"local"}\n'), 20);
      }
      if (path === "/info") {
        return void response.writeHead(200, common).end(
          JSON.stringify({
            ID: "E",
            Name: "engine",
            NCPU: 2,
            Swarm: { LocalNodeState: "inactive" },
            Warnings: ["w"],
          }),
        );
      }
      if (path === "/version") {
        return void response.writeHead(200, common).end(
          JSON.stringify({
            Version: "20.10.24",
            ApiVersion: "1.41",
            Components: [{ Name: "Engine", Version: "20.10.24" }],
          }),
        );
      }
      request.on("data", (chunk: Buffer) => {
        seen.body += chunk.length;
      });
      request.on("end", () => {
        response.writeHead(200, { ...common, "X-Odd": "one", "Content-Type": "application/odd" });
        response.end(`took ${seen.body}`);
      });
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.seen.push({
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body: head.length,
      });
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      const parts: Buffer[] = [head];
      socket.on("data", (chunk: Buffer) => parts.push(chunk));
      // Like `cat`: speaks when its input ends, which takes a connection that closes one side at a time.
      socket.on("end", () => socket.end(`echo:${Buffer.concat(parts).toString()}`));
      socket.on("error", () => undefined);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #endless(response: ServerResponse): void {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const fill = (): void => {
      while (!response.destroyed && response.write(chunk)) this.endlessBytes += chunk.length;
    };
    response.on("drain", fill);
    fill();
  }
}

describe("passing through to the engine", () => {
  const engine = new FakeEngine();
  let fixture: Fixture;

  beforeAll(async () => {
    await engine.listen();
    fixture = await apiFixture({ engine: { kind: "socket", path: engine.path } });
  });
  afterAll(async () => {
    await fixture.close();
    await engine.close();
  });

  const last = (): Seen | undefined => engine.seen.findLast((seen) => seen.url !== "/_ping");

  test("method, path, query, headers and answer are as they came", async () => {
    const reply = await fixture.ask("PUT", "/v1.40/containers/x/archive?path=%2Ftmp&a=b+c", "data", { "X-Mine": "1" });
    expect(reply).toMatchObject({ status: 200, text: "took 4" });
    expect(reply.headers).toMatchObject({ "x-odd": "one", "content-type": "application/odd" });
    expect(last()).toMatchObject({ method: "PUT", url: "/v1.40/containers/x/archive?path=%2Ftmp&a=b+c" });
    expect(last()?.headers).toMatchObject({ "x-mine": "1", "content-length": "4" });
  });

  test("a version above the engine's becomes the engine's", async () => {
    await fixture.ask("GET", "/_ping");
    await fixture.ask("GET", "/v1.50/containers/json?all=1");
    expect(last()?.url).toBe("/v1.41/containers/json?all=1");
    await fixture.ask("GET", "/containers/json");
    expect(last()?.url).toBe("/containers/json");
  });

  test("16 MB up arrive, of known length and in chunks", async () => {
    const upload = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(
          { socketPath: fixture.socketPath, method: "POST", path: "/v1.41/build", headers },
          (incoming) => {
            let text = "";
            incoming.on("data", (chunk: Buffer) => (text += chunk.toString()));
            incoming.on("end", () => resolve(text));
          },
        );
        outgoing.on("error", reject);
        const chunk = Buffer.alloc(1 << 20);
        let left = 16;
        const write = (): void => {
          while (left > 0) {
            left -= 1;
            if (!outgoing.write(chunk)) return void outgoing.once("drain", write);
          }
          outgoing.end();
        };
        write();
      });
    expect(await upload({ "Content-Length": String(16 << 20) })).toBe(`took ${16 << 20}`);
    expect(await upload({ "Transfer-Encoding": "chunked" })).toBe(`took ${16 << 20}`);
  });

  test("a reader that is slow slows the engine down", async () => {
    const outgoing = httpRequest({ socketPath: fixture.socketPath, path: "/containers/x/endless" });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    incoming.pause();
    await wait(200);
    const held = engine.endlessBytes;
    await wait(200);
    expect(engine.endlessBytes).toBe(held);
    expect(held).toBeLessThan(16 << 20);
    incoming.destroy();
  });

  test("what the engine refuses is refused in its words", async () => {
    expect(await fixture.ask("POST", "/images/refuse", "x".repeat(100_000))).toMatchObject({
      status: 400,
      text: '{"message":"no"}\n',
    });
  });

  test("a refusal that comes before the upload has been read arrives, also at a client that sends it all first", async () => {
    for (let time = 0; time < 5; time++) {
      const socket = connect({ path: fixture.socketPath });
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.write("POST /v1.41/images/hang-up HTTP/1.1\r\nHost: docker\r\nContent-Length: 8388608\r\n\r\n");
      socket.pause();
      for (let part = 0; part < 8; part++) {
        if (!socket.write(Buffer.alloc(1 << 20))) await once(socket, "drain");
      }
      socket.resume();
      await expect.poll(() => text).toContain('{"message":"no"}');
      expect(text).toMatch(/^HTTP\/1.1 400 /);
      socket.destroy();
    }
  });

  test("a hijacked connection carries bytes both ways, and its input may end before its output", async () => {
    const socket = connect({ path: fixture.socketPath, allowHalfOpen: true });
    socket.write(
      "POST /v1.50/exec/e/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n{}",
    );
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    await wait(50);
    socket.write("hello ");
    socket.end("world");
    await once(socket, "end");
    expect(text).toBe("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\necho:{}hello world");
    expect(last()).toMatchObject({ method: "POST", url: "/v1.41/exec/e/start" });
  });

  test("an upgrade of a path of ours is answered as if none had been offered", async () => {
    const reply = await fixture.ask("GET", "/nodes/h2", undefined, {
      Connection: "Upgrade, HTTP2-Settings",
      Upgrade: "h2c",
    });
    expect(reply).toMatchObject({ status: 200, json: { Description: { Hostname: "h2" } } });
  });

  test("/info, /version and /_ping are the engine's with our part put in", async () => {
    const info = await fixture.ask("GET", "/v1.50/info");
    expect(info.json).toMatchObject({
      ID: "E",
      NCPU: 2,
      Name: "h1",
      Warnings: ["w"],
      Swarm: { LocalNodeState: "active", Nodes: 2, Managers: 1 },
    });
    const version = await fixture.ask("GET", "/version");
    expect(version.json).toMatchObject({
      Version: "20.10.24",
      ApiVersion: "1.41",
      MinAPIVersion: "1.24",
      Components: [{ Name: "Engine" }, { Name: "Skep", Version: "0.1.0" }],
    });
    const ping = await fixture.ask("HEAD", "/_ping");
    expect(ping.headers).toMatchObject({
      "api-version": "1.41",
      "builder-version": "1",
      swarm: "active/manager",
      server: "Docker/20.10.24 (linux)",
      "content-length": "0",
    });
  });

  test("events of the swarm and of the engine come in one stream", async () => {
    const outgoing = httpRequest({ socketPath: fixture.socketPath, path: "/v1.41/events" });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const lines: unknown[] = [];
    incoming.on("data", (chunk: Buffer) =>
      lines.push(
        ...chunk
          .toString()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      ),
    );
    await fixture.ask("POST", "/services/create", { Name: "ev", TaskTemplate: { ContainerSpec: { Image: "a" } } });
    const version = String((await fixture.ask("GET", "/services/ev")).at("Version.Index"));
    await fixture.ask("POST", `/services/ev/update?version=${version}`, {
      Name: "ev",
      TaskTemplate: { ContainerSpec: { Image: "b" } },
      Mode: { Replicated: { Replicas: 2 } },
    });
    await fixture.ask("DELETE", "/services/ev");
    await expect.poll(() => lines.length).toBe(4);
    incoming.destroy();
    const swarm = lines.filter((line) => (line as { scope: string }).scope === "swarm");
    expect(lines).toContainEqual({ Type: "container", Action: "start", scope: "local" });
    expect(swarm).toMatchObject([
      { Type: "service", Action: "create", Actor: { Attributes: { name: "ev" } }, scope: "swarm" },
      {
        Action: "update",
        Actor: { Attributes: { "image.old": "a", "image.new": "b", "replicas.old": "1", "replicas.new": "2" } },
      },
      { Action: "remove", Actor: { Attributes: { name: "ev" } } },
    ]);
    const replay = await fixture.ask(
      "GET",
      `/events?since=1&until=${Math.ceil(Date.now() / 1000)}&filters=${encodeURIComponent('{"scope":["swarm"],"type":["service"]}')}`,
    );
    expect(replay.text.trim().split("\n")).toHaveLength(3);
  });
});

describe("with an engine that is gone", () => {
  test("its paths say so and name the socket; ours answer", async () => {
    const fixture = await apiFixture();
    const reply = await fixture.ask("GET", "/containers/json");
    expect(reply.status).toBe(503);
    expect(reply.at("message")).toContain("no-engine.sock");
    expect((await fixture.ask("GET", "/services")).status).toBe(200);
    expect((await fixture.ask("GET", "/info")).at("Swarm.LocalNodeState")).toBe("active");
    expect((await fixture.ask("GET", "/_ping")).headers["api-version"]).toBe("1.41");
    await fixture.close();
  });

  test("/info waits a second for an engine that does not answer, no longer", async () => {
    const silent = createServer(() => undefined);
    const folder = mkdtempSync(join(tmpdir(), "skep-silent-"));
    const path = join(folder, "docker.sock");
    silent.listen(path);
    await once(silent, "listening");
    const fixture = await apiFixture({ engine: { kind: "socket", path }, modules: { clock: fastClock } });
    const startedAt = fastClock.monotonic();
    const info = await fixture.ask("GET", "/info");
    expect(fastClock.monotonic() - startedAt).toBeGreaterThanOrEqual(1_000);
    expect(String(info.at("Warnings.0"))).toContain("does not answer");
    await fixture.close();
    silent.closeAllConnections();
    silent.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
