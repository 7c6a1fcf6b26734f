// Ours alone: kept revisions, and what Docker's clients do not know of nodes and updates but must not lose.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { newTask } from "../../src/model/index.js";
import { apiFixture, type Fixture, serviceBody, workerId } from "./fixture.js";

let fixture: Fixture;
let id = "";
const ask: Fixture["ask"] = (...request) => fixture.ask(...request);
const version = async (path: string): Promise<string> => String((await ask("GET", path)).at("Version.Index"));

beforeAll(async () => {
  fixture = await apiFixture();
  id = String((await ask("POST", "/services/create", serviceBody("web"))).at("ID"));
  const body = { ...serviceBody("web"), Labels: { tier: "front" } };
  await ask("POST", `/services/web/update?version=${await version("/services/web")}`, body);
});
afterAll(() => fixture.close());

describe("the history of a service", () => {
  test("is shown newest first", async () => {
    const reply = await ask("GET", "/skep/v1/services/web/history");
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      ...{ ServiceID: id, ServiceName: "web" },
      Revisions: [
        { Number: 2, Changes: ["labels"], Current: true, Previous: false, Spec: { Labels: { tier: "front" } } },
        { Number: 1, Current: false, Previous: true },
      ],
    });
    expect(reply.at("Revisions.1.Changes")).toBeUndefined();
  });

  test.each([
    ["to=7", 404, "no revision 7 of service web is kept; kept: 1, 2"],
    ["", 400, "no revision is given: say to=REVISION, one of those the service's history shows"],
    ["to=old", 400, '"old" is no revision number: say to=REVISION, one of those the service\'s history shows'],
  ])("rollback?%s is refused: %i", async (query, status, message) => {
    const reply = await ask("POST", `/skep/v1/services/web/rollback?${query}`);
    expect([reply.status, reply.at("message")]).toEqual([status, message]);
  });

  test("of no service is Docker's 404", async () => {
    expect((await ask("GET", "/skep/v1/services/nope/history")).at("message")).toBe("service nope not found");
  });

  test("goes back where it is told, and says how far it is", async () => {
    expect((await ask("POST", "/skep/v1/services/web/rollback?to=1")).json).toEqual({ Warnings: null });
    const service = await ask("GET", "/services/web");
    expect(service.at("Spec.Labels")).toEqual({});
    expect(service.at("UpdateStatus")).toMatchObject({
      State: "rollback_started",
      Message: "manually requested rollback",
    });
    await fixture.writer.update((tx) => {
      const row = tx.table("service").get(id);
      const status = row?.updateStatus;
      if (row && status) tx.put("service", { ...row, updateStatus: { ...status, total: 3, done: 2, failed: 1 } });
    });
    expect((await ask("GET", "/services/web")).at("UpdateStatus")).toMatchObject({ Total: 3, Done: 2, Failed: 1 });
    expect(fixture.store.table("service").get(id)?.updateStatus?.state).toBe(UpdateState.ROLLBACK_STARTED);
  });
});

test("a task that was told to stop for a reason shows it where an error would be", async () => {
  const reason = "node h3 is drained, and no replacement ran within 5m";
  await fixture.writer.update((tx) => {
    const now = { seconds: 1_700_000_000, nanos: 0 };
    const task = newTask({ id: "stopped0000000000000000001", serviceId: id, revision: 1, slot: 1, now });
    tx.put("task", { ...task, desiredState: TaskState.SHUTDOWN, stopReason: reason });
  });
  expect((await ask("GET", "/tasks/stopped0000000000000000001")).at("Status.Err")).toBe(reason);
});

describe("a node's drain timeout", () => {
  const path = `/nodes/${workerId}`;
  const update = async (fields: object) =>
    ask("POST", `${path}/update?version=${await version(path)}`, {
      ...{ Role: "worker", Availability: "drain", Labels: {} },
      ...fields,
    });

  test("outlives a client that does not know it", async () => {
    expect((await update({ DrainTimeout: 300e9 })).status).toBe(200);
    await update({});
    expect((await ask("GET", path)).at("Spec.DrainTimeout")).toBe(300e9);
  });

  test("is not negative", async () => {
    expect((await update({ DrainTimeout: -1 })).at("message")).toBe("DrainTimeout: cannot be negative");
  });
});
