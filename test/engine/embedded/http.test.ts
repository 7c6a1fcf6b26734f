import { beforeEach, describe, expect, test } from "vitest";
import {
  type CreateContainer,
  EmbeddedEngine,
  type EmbeddedResponse,
  handleEmbedded,
} from "../../../src/engine/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";

const signal = new AbortController().signal;
let clock: VirtualClock;
let engine: EmbeddedEngine;
let web: string;
let job: string;

beforeEach(async () => {
  clock = new VirtualClock();
  engine = new EmbeddedEngine({}, { clock, random: new SeededRandom(1) });
  engine.addImage("app");
  web = await started("web", {
    Cmd: ["sh", "-c", "echo up; echo bad >&2; httpd -f"],
    Labels: { tier: "front" },
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
  });
  job = await started("job", { Cmd: ["false"] });
});

async function started(name: string, more: Partial<CreateContainer>): Promise<string> {
  const id = await engine.create(name, { Image: "app", Labels: {}, HostConfig: {}, ...more }, signal);
  await engine.start(id, signal);
  return id;
}

async function ask(method: string, target: string, end = signal): Promise<EmbeddedResponse> {
  const [path = "", query = ""] = target.split("?");
  return await handleEmbedded(engine, { method, path, query, signal: end });
}

function text(response: EmbeddedResponse): string {
  return typeof response.body === "string" ? response.body : "(a stream)";
}

async function asked(target: string): Promise<unknown> {
  return JSON.parse(text(await ask("GET", target)));
}

async function bytes(response: EmbeddedResponse): Promise<Buffer> {
  if (typeof response.body === "string") return Buffer.from(response.body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("ping, version and info say what it is", async () => {
  expect(await ask("GET", "/_ping")).toMatchObject({ status: 200, body: "OK", headers: { "Api-Version": "1.50" } });
  expect(await ask("HEAD", "/_ping")).toMatchObject({ status: 200, body: "" });
  expect(await asked("/v1.41/version")).toMatchObject({ ApiVersion: "1.50", MinAPIVersion: "1.24", Os: "linux" });
  expect(await asked("/info")).toMatchObject({
    ID: engine.id,
    Containers: 2,
    ContainersRunning: 1,
    Swarm: { LocalNodeState: "inactive" },
  });
});

test("images", async () => {
  expect(await asked("/images/json")).toMatchObject([
    { RepoTags: ["app:latest"], Id: expect.stringMatching(/^sha256:/) },
  ]);
});

describe("the list of containers", () => {
  for (const [query, names] of [
    ["", ["/web"]],
    ["?all=1", ["/job", "/web"]],
    ["?all=1&limit=1", ["/job"]],
    [`?filters=${encodeURIComponent('{"status":["exited"]}')}`, ["/job"]],
    [`?all=true&filters=${encodeURIComponent('{"label":{"tier=front":true}}')}`, ["/web"]],
    [`?all=true&filters=${encodeURIComponent('{"name":["jo"]}')}`, ["/job"]],
  ] as const) {
    test(query || "running only", async () => {
      const rows = (await asked(`/containers/json${query}`)) as { Names: string[] }[];
      expect(rows.map((row) => row.Names[0])).toEqual(names);
    });
  }

  test("a row", async () => {
    await clock.advance(90_000);
    expect(await asked("/containers/json")).toMatchObject([
      {
        Id: web,
        Image: "app",
        Command: "sh -c echo up; echo bad >&2; httpd -f",
        State: "running",
        Status: "Up About a minute",
        Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
        Labels: { tier: "front" },
      },
    ]);
  });
});

test("inspection by id, name and the first digits", async () => {
  for (const name of [web, "web", web.slice(0, 12)]) {
    expect(await asked(`/containers/${name}/json`)).toMatchObject({
      Id: web,
      Name: "/web",
      State: { Status: "running", Running: true, ExitCode: 0 },
      NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }] } },
    });
  }
  expect(await asked(`/containers/${job}/json`)).toMatchObject({ State: { Status: "exited", ExitCode: 1 } });
});

test("logs in Docker's frames, the streams that were asked for", async () => {
  const all = await ask("GET", "/containers/web/logs?stdout=1&stderr=1");
  expect(all.headers["Content-Type"]).toBe("application/vnd.docker.multiplexed-stream");
  expect((await bytes(all)).toString("latin1")).toBe("\x01\0\0\0\0\0\0\x03up\n\x02\0\0\0\0\0\0\x04bad\n");
  const timed = await ask("GET", "/containers/web/logs?stderr=1&timestamps=1");
  expect((await bytes(timed)).subarray(8).toString()).toBe("2026-01-01T00:00:00.000000000Z bad\n");
});

test("stop and kill", async () => {
  const stopping = ask("POST", "/containers/web/stop?t=2");
  await clock.advance(2000);
  expect((await stopping).status).toBe(204);
  expect((await ask("POST", "/containers/web/stop")).status).toBe(304);
  expect(await ask("POST", "/containers/web/kill")).toMatchObject({
    status: 409,
    body: expect.stringContaining("is not running"),
  });
});

test("events: what was, and what comes until the time is over", async () => {
  await clock.advance(5000);
  const from = clock.now() / 1000;
  const filters = encodeURIComponent('{"event":["die"]}');
  const past = await bytes(await ask("GET", `/events?since=${from - 60}&until=${from}&filters=${filters}`));
  expect(JSON.parse(past.toString())).toMatchObject({ Type: "container", Action: "die", Actor: { ID: job } });
  expect(past.toString()).toContain('"timeNano":1767225600000000000');
  const coming = bytes(await ask("GET", `/events?until=${from + 10}`));
  await clock.advance(1000);
  await engine.remove(web, signal);
  await clock.advance(9000);
  expect((await coming).toString().match(/"Action":"\w+"/g)).toEqual(['"Action":"die"', '"Action":"destroy"']);
});

describe("what it answers when it cannot", () => {
  for (const [method, target, status, words] of [
    ["POST", "/containers/create?name=x", 501, "needs a Docker Engine"],
    ["GET", "/volumes", 501, "needs a Docker Engine"],
    ["DELETE", "/containers/web", 501, "needs a Docker Engine"],
    ["GET", "/containers/nope/json", 404, "No such container: nope"],
    ["GET", "/containers/%zz/json", 400, "URI malformed"],
    ["GET", "/containers/web/logs", 400, "choose at least one stream"],
    ["GET", "/containers/json?filters=x", 400, "invalid filter"],
    ["GET", `/containers/json?filters=${encodeURIComponent('{"x":["1"]}')}`, 400, "invalid filter 'x'"],
    ["GET", `/containers/json?filters=${encodeURIComponent('{"toString":["1"]}')}`, 400, "invalid filter 'toString'"],
    ["POST", "/containers/web/kill?signal=NOPE", 400, "Invalid signal: NOPE"],
    ["POST", "/containers/web/stop?t=soon", 400, "invalid stop timeout"],
    ["GET", "/events?since=yesterday", 400, "seconds since 1970"],
  ] as const) {
    test(`${method} ${decodeURIComponent(target.replace("%zz", "%25zz"))}: ${status}`, async () => {
      const response = await ask(method, target);
      expect(response.status).toBe(status);
      expect(response.headers["Content-Type"]).toBe("application/json");
      expect(JSON.parse(text(response)).message).toContain(words);
    });
  }

  test("503 while it is away", async () => {
    engine.crash();
    expect((await ask("GET", "/info")).status).toBe(503);
  });
});
