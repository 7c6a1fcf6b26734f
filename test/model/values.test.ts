import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PortProtocol, PublishMode } from "../../src/gen/skep/v1/specs.js";
import {
  durationOf,
  generatedName,
  nanosecondsMax,
  nanosecondsOf,
  refusePortConflicts,
  validateName,
  withDefaults,
} from "../../src/model/index.js";
import { SeededRandom } from "../../src/sim/index.js";
import { aServiceSpec } from "../support/memory.js";

describe("names", () => {
  test.each(["a", "A1", "a-b", "a_b", "a--b__c", "1", "x".repeat(63)])("%s is one", (name) => {
    expect(() => validateName(name)).not.toThrow();
  });
  test.each([
    ["", "meta: name must be provided"],
    ["x".repeat(64), "name must be 63 characters or fewer"],
    ["-a", "name must be valid as a DNS name component"],
    ["a-", "name must be valid as a DNS name component"],
    ["a.b", "name must be valid as a DNS name component"],
    ["é".repeat(70), "name must be valid as a DNS name component"],
  ])("%s is none: %s", (name, message) => {
    expect(() => validateName(name)).toThrow(message);
  });
  test("made-up ones are valid and differ", () => {
    const random = new SeededRandom(7);
    const names = Array.from({ length: 200 }, () => generatedName(random));
    for (const name of names) expect(() => validateName(name)).not.toThrow();
    expect(new Set(names).size).toBeGreaterThan(150);
  });
});

test("a duration keeps every nanosecond of 64 bits", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -nanosecondsMax, max: nanosecondsMax }), (nanoseconds) => {
      expect(nanosecondsOf(durationOf(nanoseconds))).toBe(nanoseconds);
    }),
  );
});

test("defaults fill what is missing and leave what is there", () => {
  const bare = withDefaults(aServiceSpec({ spec: { task: { container: { image: "a" } } } }));
  expect(bare.task?.restart?.delay).toEqual({ seconds: 5, nanos: 0 });
  expect(bare.task?.container?.stopGracePeriod).toEqual({ seconds: 10, nanos: 0 });
  expect(bare.update).toMatchObject({ parallelism: 1, monitor: { seconds: 5, nanos: 0 } });
  const given = withDefaults(
    aServiceSpec({
      spec: {
        task: { container: { image: "a", stopGracePeriod: { seconds: 0, nanos: 0 } } },
        update: { parallelism: 0 },
      },
    }),
  );
  expect(given.task?.container?.stopGracePeriod).toEqual({ seconds: 0, nanos: 0 });
  expect(given.update).toMatchObject({ parallelism: 0, monitor: { seconds: 5, nanos: 0 } });
});

describe("published ports of two services", () => {
  const port = (mode: keyof typeof PublishMode, publishedPort = 80, protocol: PortProtocol = PortProtocol.TCP) => ({
    name: "",
    protocol,
    targetPort: 80,
    publishedPort,
    publishMode: PublishMode[mode],
  });
  test.each([
    ["INGRESS", "INGRESS", "as an ingress port"],
    ["INGRESS", "HOST", "as a host-published port"],
    ["HOST", "INGRESS", "as an ingress port"],
    ["HOST", "HOST", undefined],
  ] as const)("%s wanted, %s held: %s", (wanted, held, refusal) => {
    const check = (): void => refusePortConflicts([port(wanted)], [{ id: "i", name: "n", ports: [port(held)] }]);
    if (refusal === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(`port '80' is already in use by service 'n' (i) ${refusal}`);
  });
  test("other numbers, other protocols and any free port are no conflict", () => {
    const held = [{ id: "i", name: "n", ports: [port("INGRESS")] }];
    for (const wanted of [port("INGRESS", 81), port("INGRESS", 80, PortProtocol.UDP), port("INGRESS", 0)]) {
      expect(() => refusePortConflicts([wanted], held)).not.toThrow();
    }
  });
});
