// Nothing a client can send makes decoding do anything but decode or refuse, and what was decoded survives being shown.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { advertiseAddress, dataPathAddress, listenAddress, parseTcpAddress } from "../../../src/api/addresses.js";
import { type Json, JsonNumber, JsonObject, parseJson } from "../../../src/api/decode/json.js";
import { decodeNode } from "../../../src/api/decode/node.js";
import { Query } from "../../../src/api/decode/query.js";
import { Reader } from "../../../src/api/decode/reader.js";
import { decodeRegistryAuth } from "../../../src/api/decode/registry-auth.js";
import { decodeService } from "../../../src/api/decode/service.js";
import { decodeSwarm } from "../../../src/api/decode/swarm.js";
import { toJson } from "../../../src/api/encode/json.js";
import { encodeServiceSpec } from "../../../src/api/encode/service.js";
import { Filters } from "../../../src/api/filters.js";
import { httpStatusOf, SwarmError } from "../../../src/base/index.js";
import { deepEqual, validateCluster, validateService } from "../../../src/model/index.js";

/** Runs `work`; what it throws must be a refusal. */
function refusedAtMost(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SwarmError);
    const { kind, rpc } = error as SwarmError;
    // 500 is Docker's answer to constraints and a few words; 501 to what is not built.
    expect(httpStatusOf[kind] < 500 || kind === "Unimplemented" || (rpc && kind === "Unknown")).toBe(true);
  }
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.constantFrom("", "{", '{"a":', "[[", "1e", "-", '"\\u'),
);

/** Objects with Docker's keys and anything at all as values. */
const keys = [
  "Name",
  "Labels",
  "TaskTemplate",
  "ContainerSpec",
  "Image",
  "Env",
  "Mounts",
  "Type",
  "Target",
  "Mode",
  "Replicated",
  "Replicas",
  "UpdateConfig",
  "Delay",
  "MaxFailureRatio",
  "EndpointSpec",
  "Ports",
  "TargetPort",
  "Placement",
  "Constraints",
  "Resources",
  "Limits",
  "NanoCPUs",
  "RestartPolicy",
  "Condition",
  "Healthcheck",
  "Interval",
  "Privileges",
  "Seccomp",
  "Profile",
  "Networks",
  "Role",
  "Availability",
  "CAConfig",
  "NodeCertExpiry",
  "ExternalCAs",
  "Raft",
  "TmpfsOptions",
  "Options",
  "GenericResources",
];
const weird = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<unknown>(null, true, "", "x", "host", "active", 0, -1, 1.5, 1e300, 2 ** 53, [], {}),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...keys), tie("value"), { maxKeys: 6 }),
  ),
})).value;

describe("whatever comes in", () => {
  test("JSON is read exactly as JSON.parse reads it, or refused", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        let expected: { readonly value: unknown } | undefined;
        try {
          expected = { value: JSON.parse(text) as unknown };
        } catch {
          expected = undefined;
        }
        if (expected === undefined) expect(() => parseJson(text)).toThrow(SwarmError);
        else expect(plain(parseJson(text))).toEqual(wellFormed(expected.value));
      }),
      { numRuns: 1_000 },
    );
  });

  test("bodies of services, nodes and the swarm are decoded or refused", () => {
    fc.assert(
      fc.property(weird, (value) => {
        const body = (): Reader => Reader.of(parseJson(JSON.stringify(value)), "Body");
        refusedAtMost(() => validateService(decodeService(body())));
        refusedAtMost(() => decodeNode(body()));
        refusedAtMost(() => validateCluster(decodeSwarm(body(), "zero")));
      }),
      { numRuns: 1_000 },
    );
  });

  test("filters, queries, credentials and addresses are read or refused", () => {
    const interfaces = [{ name: "eth0", addresses: ["10.0.0.1"] }];
    fc.assert(
      fc.property(anyText, (text) => {
        refusedAtMost(() => Filters.parse(text, ["name", "label"]));
        refusedAtMost(() => new Query(text).get("version"));
        refusedAtMost(() => new Query(`version=${text}`).version("service"));
        refusedAtMost(() => decodeRegistryAuth(text));
        refusedAtMost(() => listenAddress(parseTcpAddress(text, "ListenAddr"), interfaces));
        refusedAtMost(() => advertiseAddress(text, "0.0.0.0:2377", interfaces));
        refusedAtMost(() => dataPathAddress(text, interfaces));
      }),
      { numRuns: 1_000 },
    );
  });
});

const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const words = fc.string({ minLength: 1, maxLength: 8 });
const labels = fc.dictionary(
  words.filter((word) => word !== "__proto__"),
  fc.string(),
);
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const some = <T>(shape: Record<string, fc.Arbitrary<T>>) => fc.record(shape, { requiredKeys: [] });

/** Specs as clients write them, every field there or not. */
const specs = some<unknown>({
  Name: words,
  Labels: labels,
  TaskTemplate: fc.record<unknown>({
    ContainerSpec: some<unknown>({
      Image: words,
      Env: fc.array(words),
      Init: fc.boolean(),
      TTY: fc.boolean(),
      StopGracePeriod: nanoseconds,
      Isolation: fc.constantFrom("", "default", "process"),
      DNSConfig: some<unknown>({ Nameservers: fc.array(words) }),
      Healthcheck: some<unknown>({
        Test: fc.array(words),
        Interval: nanoseconds,
        Retries: fc.integer({ min: 0, max: 99 }),
      }),
      Privileges: some<unknown>({
        SELinuxContext: some<unknown>({ Disable: fc.boolean() }),
        Seccomp: fc.constant({ Mode: "custom", Profile: "e30=" }),
      }),
      Mounts: fc.array(
        some<unknown>({
          Type: fc.constantFrom("bind", "volume", "tmpfs", "npipe", "image"),
          Target: words,
          BindOptions: some<unknown>({ Propagation: fc.constant("rslave"), NonRecursive: fc.boolean() }),
          VolumeOptions: some<unknown>({
            NoCopy: fc.boolean(),
            Labels: labels,
            DriverConfig: some<unknown>({ Name: words }),
          }),
          TmpfsOptions: some<unknown>({
            SizeBytes: size,
            Mode: fc.nat(511),
            Options: fc.array(fc.constantFrom(["ro"], ["uid", "1"], ["k", "a=b"])),
          }),
        }).map((mount) => ({ Type: "bind", ...mount })),
      ),
      Ulimits: fc.array(fc.record({ Name: words, Soft: size, Hard: size })),
      OomScoreAdj: fc.integer({ min: -999, max: 999 }),
    }),
    Resources: some<unknown>({
      Limits: some<unknown>({ NanoCPUs: size, Pids: size }),
      Reservations: some<unknown>({
        GenericResources: fc.array(
          fc.constantFrom(
            { DiscreteResourceSpec: { Kind: "g", Value: 1 } },
            { NamedResourceSpec: { Kind: "g", Value: "a" } },
          ),
        ),
      }),
    }),
    RestartPolicy: some<unknown>({
      Condition: fc.constantFrom("", "none", "any", "on-failure"),
      Delay: nanoseconds,
      MaxAttempts: size,
      Window: nanoseconds,
    }),
    Placement: some<unknown>({
      Constraints: fc.array(words),
      MaxReplicas: size,
      Preferences: fc.array(fc.constant({ Spread: { SpreadDescriptor: "node.labels.a" } })),
    }),
    LogDriver: some<unknown>({ Name: words, Options: labels }),
    ForceUpdate: size,
  }),
  Mode: fc.constantFrom(
    { Replicated: { Replicas: 3 } },
    { Replicated: {} },
    { Global: {} },
    { ReplicatedJob: {} },
    { GlobalJob: {} },
  ),
  UpdateConfig: some<unknown>({
    Parallelism: size,
    Delay: nanoseconds,
    Monitor: nanoseconds,
    MaxFailureRatio: fc.float({ min: 0, max: 1, noNaN: true }),
    FailureAction: fc.constantFrom("", "pause", "continue", "rollback"),
    Order: fc.constantFrom("", "stop-first", "start-first"),
  }),
  EndpointSpec: some<unknown>({
    Mode: fc.constantFrom("", "vip", "dnsrr"),
    Ports: fc.array(
      some<unknown>({
        Name: words,
        Protocol: fc.constantFrom("tcp", "udp", "TCP"),
        TargetPort: fc.nat(65535),
        PublishedPort: fc.nat(65535),
        PublishMode: fc.constantFrom("host", "ingress"),
      }),
    ),
  }),
});

test("a spec that is shown and sent back is the same spec: no task is replaced for having been looked at", () => {
  fc.assert(
    fc.property(specs, (json) => {
      // Every kind of task needs a container; dictionaries may leave it out.
      const template = (json["TaskTemplate"] ?? {}) as Record<string, unknown>;
      const body = { ...json, TaskTemplate: { ...template, ContainerSpec: template["ContainerSpec"] ?? {} } };
      const spec = decodeService(Reader.of(parseJson(toJson(body)), "ServiceSpec"));
      const shown = toJson(encodeServiceSpec(spec));
      const again = decodeService(Reader.of(parseJson(shown), "ServiceSpec"));
      expect(deepEqual(again, spec)).toBe(true);
      expect(toJson(encodeServiceSpec(again))).toBe(shown);
    }),
    { numRuns: 200 },
  );
});

function plain(json: Json): unknown {
  if (json instanceof JsonNumber) return Number(json.text);
  if (json instanceof JsonObject) return Object.fromEntries(json.entries.map(([key, value]) => [key, plain(value)]));
  return Array.isArray(json) ? json.map((each: Json) => plain(each)) : json;
}

/** JSON.parse keeps half surrogate pairs, Go and we do not. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [wellFormed(key), wellFormed(each)]));
}
