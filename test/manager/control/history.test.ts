// The kept specs of a service, and back to one of them.

import { beforeEach, describe, expect, test } from "vitest";
import { UpdateState } from "../../../src/gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../../src/gen/skep/v1/specs.js";
import { historyOf } from "../../../src/manager/control/index.js";
import { aServiceSpec, type ServiceOptions } from "../../support/memory.js";
import { type Controlled, controlled, plain } from "./support.js";

let c: Controlled;
let id: string;

const service = () => {
  const row = c.store.table("service").get(id);
  if (row === undefined) throw new Error("no service");
  return row;
};
const version = (): number => service().meta?.version ?? 0;
const update = (spec: ServiceSpec) => c.control.services.update(c.request(), id, version(), spec, plain);
const history = () =>
  historyOf(c.store, service()).map(({ revision, isCurrent, isPrevious, changes }) => ({
    ...{ rev: revision.number, changes: changes?.join(", ") },
    mark: isCurrent ? "current" : isPrevious ? "previous" : "",
  }));

beforeEach(async () => {
  c = await controlled();
  id = await c.control.services.create(c.request(), aServiceSpec({ image: "a" }));
  await update(aServiceSpec({ image: "b" }));
  await update(aServiceSpec({ image: "b", replicas: 5, memoryBytes: 8 * 2 ** 20 }));
});

describe("history", () => {
  test("shows what is kept, newest first, with what each changed", () => {
    expect(history()).toEqual([
      { rev: 3, changes: "resources, replicas 1 → 5", mark: "current" },
      { rev: 2, changes: "image", mark: "previous" },
      { rev: 1, changes: undefined, mark: "" },
    ]);
  });

  const base: ServiceOptions = { name: "web", image: "b", replicas: 5, memoryBytes: 8 * 2 ** 20 };
  test.each<[string, ServiceSpec]>([
    ["restart policy", aServiceSpec({ ...base, restart: "NONE" })],
    ["placement", aServiceSpec({ ...base, maxReplicas: 1 })],
    ["ports", aServiceSpec({ ...base, hostPorts: [80] })],
    ["labels", aServiceSpec({ ...base, spec: { annotations: { name: "web", labels: { a: "b" } } } })],
    ["update settings", aServiceSpec({ ...base, spec: { update: { parallelism: 2 } } })],
    ["replicas 5 → 6", aServiceSpec({ ...base, replicas: 6 })],
  ])("names what changed: %s", async (changed, spec) => {
    await update(spec);
    expect(history()[0]?.changes).toBe(changed);
  });
});

describe("rollback to a kept revision", () => {
  test("makes it the current one, and the one it leaves the previous one", async () => {
    await c.control.history.rollBackTo(c.request(), "web", 1, version());
    expect(service()).toMatchObject({ revision: 1, previousRevision: 3, lastRevision: 3, specVersion: version() });
    expect(service().updateStatus).toMatchObject({
      ...{ state: UpdateState.ROLLBACK_STARTED, message: "manually requested rollback" },
      ...{ total: 0, done: 0, failed: 0 },
    });
    expect(history().map(({ mark }) => mark)).toEqual(["previous", "", "current"]);
  });

  test("a repeated request changes nothing", async () => {
    const request = c.request();
    await c.control.history.rollBackTo(request, "web", 1, undefined);
    const { revision } = c.store;
    await c.control.history.rollBackTo(request, "web", 1, undefined);
    expect(c.store.revision).toBe(revision);
  });

  test.each([
    { to: 7, message: "no revision 7 of service web is kept; kept: 1, 2, 3" },
    { to: 3, message: "revision 3 of service web is the current one" },
  ])("to $to: $message", async ({ to, message }) => {
    await expect(c.control.history.rollBackTo(c.request(), "web", to, undefined)).rejects.toThrow(message);
  });

  test("refuses a service that changed since the caller looked", async () => {
    const seen = version();
    await update(aServiceSpec({ image: "c" }));
    await expect(c.control.history.rollBackTo(c.request(), "web", 1, seen)).rejects.toThrow("update out of sequence");
  });
});
