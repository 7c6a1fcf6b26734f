import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { parseDaemonFlags, UsageExit } from "../../src/daemon/flags.js";

it("defaults are those of the architecture paper", () => {
  expect(parseDaemonFlags([])).toEqual({
    dataDir: "/var/lib/skep",
    hosts: [{ kind: "unix", path: "/run/skep/skep.sock" }],
    engine: "unix:///var/run/docker.sock",
    name: hostname(),
    logLevel: "info",
    logFormat: "text",
    metricsAddr: undefined,
    pidfile: undefined,
    advertiseAddr: undefined,
  });
});

it.each([
  ["10.0.0.9", { host: "10.0.0.9", port: 0 }],
  ["10.0.0.9:2400", { host: "10.0.0.9", port: 2400 }],
  ["fd00::9", { host: "fd00::9", port: 0 }],
])("a node that has moved is told so: --advertise-addr %s", (text, expected) => {
  expect(parseDaemonFlags(["--advertise-addr", text]).advertiseAddr).toEqual(expected);
});

it("takes several addresses, with TLS on those that leave the machine", () => {
  const options = parseDaemonFlags(
    "-H unix:///a.sock --host tcp://10.0.0.1:2376 --tlsverify --tlscacert ca --tlscert crt --tlskey key --metrics-addr [::1]:9323".split(
      " ",
    ),
  );
  const tls = { ca: "ca", cert: "crt", key: "key" };
  expect(options.hosts).toEqual([
    { kind: "unix", path: "/a.sock" },
    { kind: "tcp", host: "10.0.0.1", port: 2376, tls },
  ]);
  expect(options.metricsAddr).toEqual({ host: "::1", port: 9323 });
});

const refused: readonly [string, RegExp][] = [
  ["--host foo", /--host "foo": must be unix:\/\/\/path or tcp:\/\/address:port/],
  ["--host unix://relative", /the path must be absolute/],
  [`--host unix:///${"x".repeat(120)}`, /at most 107 bytes/],
  ["--host tcp://10.0.0.1:2375", /anyone who reaches it would control this host; add --tlsverify/],
  ["--host tcp://0.0.0.0:2375", /add --tlsverify/],
  ["--host tcp://10.0.0.1", /must be an IP address and a port/],
  ["--host tcp://127.0.0.1:99999", /must be an IP address and a port/],
  ["--advertise-addr 0.0.0.0", /must be an IP address other nodes can dial/],
  ["--host tcp://example.com:1", /must be an IP address and a port/],
  ["--metrics-addr 9323", /--metrics-addr "9323": must be an IP address and a port/],
  ["--tlsverify", /--tlsverify needs --tlscacert, --tlscert and --tlskey/],
];

it.each(refused)("%s is refused", (flags, message) => {
  expect(() => parseDaemonFlags(flags.split(" "))).toThrow(message);
});

it("an empty name is refused", () => {
  expect(() => parseDaemonFlags(["--name", ""])).toThrow('--name "": must be 1 to 253 characters');
});

describe("usage", () => {
  const usage: readonly [string, number, RegExp][] = [
    ["--nope", 1, /unknown option '--nope'/],
    ["--log-level loud", 1, /Allowed choices are debug, info, warn, error/],
    ["extra", 1, /too many arguments/],
    ["--help", 0, /Run this host's node/],
  ];
  it.each(usage)("%s exits with %i", (flags, exitCode, text) => {
    try {
      parseDaemonFlags(flags.split(" "));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UsageExit);
      expect(error).toMatchObject({ exitCode, message: expect.stringMatching(text) as string });
    }
  });
});
