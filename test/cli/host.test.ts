import { describe, expect, it } from "vitest";
import { chooseHost, compareVersions, parseHost } from "../../src/cli/host.js";
import { runCli } from "../../src/cli/index.js";
import { tlsFiles } from "../../src/cli/tls.js";
import type { Address } from "../../src/cli/world.js";
import { answer, daemon, fakeWorld } from "./support/world.js";

describe("which daemon", () => {
  it.each([
    ["-H before all", ["unix:///a"], { SKEP_HOST: "unix:///b", DOCKER_HOST: "unix:///c" }, "unix:///a"],
    ["SKEP_HOST next", undefined, { SKEP_HOST: "unix:///b", DOCKER_HOST: "unix:///c" }, "unix:///b"],
    ["DOCKER_HOST next", undefined, { DOCKER_HOST: "unix:///c" }, "unix:///c"],
    ["empty is unset", undefined, { SKEP_HOST: "", DOCKER_HOST: "" }, "unix:///run/skep/skep.sock"],
    ["the local socket last", undefined, {}, "unix:///run/skep/skep.sock"],
  ])("%s", (_, given, env, host) => {
    expect(chooseHost(given, env)).toBe(host);
  });

  it.each<[string, Address]>([
    ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock" }],
    ["tcp://h:1234", { kind: "tcp", host: "h", port: 1234 }],
    ["tcp://h", { kind: "tcp", host: "h", port: 2375 }],
    ["h:1", { kind: "tcp", host: "h", port: 1 }],
    ["tcp://[::1]:99", { kind: "tcp", host: "::1", port: 99 }],
    ["tcp://:99", { kind: "tcp", host: "localhost", port: 99 }],
    ["http://h:1/", { kind: "tcp", host: "h", port: 1 }],
  ])("%s", (host, address) => {
    expect(parseHost(host, undefined)).toEqual(address);
  });

  it.each([
    "unix://",
    "unix://rel",
    "ftp://x",
    "ssh://h",
    "tcp://h:0",
    "tcp://h:70000",
    "tcp://h:x",
    "tcp://a:1:2",
    "npipe:////x",
  ])("%s is refused", (host) => {
    expect(() => parseHost(host, undefined)).toThrow(/^invalid argument .* for "-H, --host" flag: /);
  });

  it("takes TLS files from the flags, else from DOCKER_CERT_PATH, else from the home folder", () => {
    expect(tlsFiles({}, {})).toBeUndefined();
    expect(tlsFiles({ tlsverify: true, tlscacert: "x" }, { HOME: "/h" })).toEqual({
      verify: true,
      ca: "x",
      cert: "/h/.docker/cert.pem",
      key: "/h/.docker/key.pem",
    });
    expect(tlsFiles({ tls: true }, { DOCKER_CERT_PATH: "/c" })).toMatchObject({ verify: false, ca: "/c/ca.pem" });
    expect(tlsFiles({}, { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/c" })).toMatchObject({
      verify: true,
      key: "/c/key.pem",
    });
    expect(parseHost("tcp://h", { verify: true })).toMatchObject({ port: 2376, tls: { verify: true } });
  });

  it("compares versions by their numbers", () => {
    expect(compareVersions("1.9", "1.41")).toBeLessThan(0);
    expect(compareVersions("1.50", "1.50")).toBe(0);
  });
});

describe("nobody there", () => {
  it.each([
    ["ENOENT", "Cannot connect to the Skep daemon at unix:///x.sock. Is the skep daemon running?\n"],
    ["ECONNREFUSED", "Cannot connect to the Skep daemon at unix:///x.sock. Is the skep daemon running?\n"],
    [
      "EACCES",
      "permission denied while trying to connect to the Skep daemon socket at unix:///x.sock: connect EACCES\n",
    ],
    ["ETIMEDOUT", "error during connect: connect ETIMEDOUT (unix:///x.sock)\n"],
  ])("%s", async (code, text) => {
    const world = fakeWorld({
      transport: async () => {
        throw Object.assign(new Error(`connect ${code}`), { code });
      },
    });
    expect(await runCli(["-H", "unix:///x.sock", "service", "ls"], world)).toBe(1);
    expect(world.err()).toBe(text);
  });
});

describe("an answer that is none", () => {
  it.each([
    [500, "<html>", "Error response from daemon: <html>\n"],
    [500, { message: "boom" }, "Error response from daemon: boom\n"],
    [502, undefined, "Error response from daemon: request returned 502 and no message\n"],
    [500, '{"message":5}', 'Error response from daemon: {"message":5}\n'],
    [200, "not json", "the daemon's answer is not JSON: not json\n"],
    [
      503,
      { message: 'Use "docker swarm init" or "docker swarm join" to connect' },
      'Error response from daemon: Use "skep swarm init" or "skep swarm join" to connect\n',
    ],
  ])("%d %j", async (status, body, text) => {
    const world = fakeWorld({ transport: daemon(() => answer(status, body)) });
    expect(await runCli(["service", "ls"], world)).toBe(1);
    expect(world.err()).toBe(text);
  });
});

describe("versions", () => {
  const pathsWith = async (headers: Readonly<Record<string, string>>, env = {}): Promise<readonly string[]> => {
    const paths: string[] = [];
    const world = fakeWorld({
      env,
      transport: async (_, { path }) => {
        paths.push(path);
        return path === "/_ping" ? answer(200, undefined, headers) : answer(200, []);
      },
    });
    await runCli(["service", "ls", "-q"], world);
    return paths;
  };

  it("speaks the lower of both, an old one where none is named, a pinned one when told", async () => {
    expect(await pathsWith({ "api-version": "1.41" })).toEqual(["/_ping", "/v1.41/services"]);
    expect(await pathsWith({ "api-version": "1.99" })).toEqual(["/_ping", "/v1.50/services"]);
    expect(await pathsWith({})).toEqual(["/_ping", "/v1.24/services"]);
    expect(await pathsWith({ "api-version": "1.50" }, { DOCKER_API_VERSION: "1.40" })).toEqual([
      "/_ping",
      "/v1.40/services",
    ]);
  });
});
