// /skep/v1/services/{id}/explain and /skep/v1/services/plan over HTTP: shapes, refusals, and that nothing is written.

import { afterEach, describe, expect, test } from "vitest";
import { aTask } from "../support/memory.js";
import { apiFixture, type Fixture, serviceBody, workerId } from "./fixture.js";

let fixture: Fixture;

afterEach(() => fixture.close());

async function withWeb(): Promise<string> {
  fixture = await apiFixture();
  const created = await fixture.ask("POST", "/services/create", serviceBody("web", { Labels: { a: "b" } }));
  expect(created.status).toBe(201);
  return String(created.at("ID"));
}

describe("explain", () => {
  test("by id, name or the beginning of an id", async () => {
    const id = await withWeb();
    await fixture.writer.update((tx) => {
      tx.put("task", aTask({ id: "t1", serviceId: id, slot: 1, state: "PENDING" }));
    });
    for (const input of [id, "web", id.slice(0, 5)]) {
      const reply = await fixture.ask("GET", `/skep/v1/services/${input}/explain`);
      expect(reply.status).toBe(200);
      expect(reply.json).toMatchObject({
        ...{ ID: id, Name: "web", Mode: "replicated", Running: 0, Desired: 1 },
        Waits: [{ Stage: "scheduler", Tasks: ["web.1"], Reason: "the scheduler has not got to it yet" }],
      });
    }
  });

  test("of what is not there", async () => {
    await withWeb();
    const reply = await fixture.ask("GET", "/skep/v1/services/nope/explain");
    expect({ status: reply.status, message: reply.at("message") }).toEqual({
      status: 404,
      message: "service nope not found",
    });
  });

  test("without a leader it is told from this manager's own store", async () => {
    await withWeb();
    fixture.node.localControl = () => fixture.control;
    fixture.node.leading = undefined;
    fixture.node.quorum = () => ({ hasLeader: false, noLeaderForMs: 60_000, managers: [] });
    const reply = await fixture.ask("GET", "/skep/v1/services/web/explain");
    expect(reply.status).toBe(200);
    expect(reply.headers["skep-stale"]).toBe("60");
  });
});

describe("plan", () => {
  const plan = (body: object) => fixture.ask("POST", "/skep/v1/services/plan", body);

  test("of an update: what changes, how many tasks, and nothing is written", async () => {
    const id = await withWeb();
    await fixture.writer.update((tx) => {
      tx.put("task", aTask({ id: "t1", serviceId: id, slot: 1, nodeId: workerId, state: "RUNNING" }));
    });
    const { revision } = fixture.store;
    const spec = serviceBody("web", {
      TaskTemplate: { ContainerSpec: { Image: "busybox:2", Env: ["A=1"] } },
      UpdateConfig: { Parallelism: 2, Order: "start-first" },
    });
    const reply = await plan({ Service: "web", Spec: spec });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      ...{ Action: "update", Name: "web" },
      Changes: [
        { Field: "Labels.a", Old: "b" },
        { Field: "TaskTemplate.ContainerSpec.Image", Old: "busybox:latest", New: "busybox:2" },
        { Field: "TaskTemplate.ContainerSpec.Env", New: ["A=1"] },
        { Field: "UpdateConfig.Parallelism", Old: 1, New: 2 },
        { Field: "UpdateConfig.Order", Old: "stop-first", New: "start-first" },
      ],
      Tasks: { Running: 1, Replaced: 1, Kept: 0 },
      Rollout: { Order: "start-first", Slots: 1, KeepsRunning: 1 },
    });
    expect(fixture.store.revision).toBe(revision);
  });

  test("of a create", async () => {
    await withWeb();
    const { revision } = fixture.store;
    const reply = await plan({ Spec: serviceBody("new", { Mode: { Replicated: { Replicas: 2 } } }) });
    expect(reply.json).toMatchObject({ Action: "create", Name: "new", Changes: [], Tasks: { Added: 2, After: 2 } });
    expect(fixture.store.revision).toBe(revision);
    expect((await fixture.ask("GET", "/services")).json).toHaveLength(1);
  });

  test("shows no registry credentials", async () => {
    const id = await withWeb();
    const spec = serviceBody("web", { TaskTemplate: { ContainerSpec: { Image: "busybox:2" } } });
    const auth = Buffer.from(JSON.stringify({ username: "u", password: "verysecret" })).toString("base64url");
    const service = await fixture.ask("GET", `/services/${id}`);
    const version = String(service.at("Version.Index"));
    await fixture.ask("POST", `/services/${id}/update?version=${version}`, spec, { "X-Registry-Auth": auth });
    const reply = await plan({ Service: id, Spec: serviceBody("web") });
    expect(reply.status).toBe(200);
    expect(reply.text).not.toContain(auth);
    expect(reply.text).not.toContain("verysecret");
  });

  test.each([
    ["a taken name", { Spec: serviceBody("web") }, 409, /service web already exists/],
    ["no container", { Spec: { Name: "x" } }, 400, /^mismatched Runtime and \*Spec fields$/],
    ["a wrong type", { Spec: serviceBody("x", { Name: 7 }) }, 400, /Spec\.Name of type string/],
    ["a service that is not there", { Service: "nope", Spec: serviceBody("nope") }, 404, /^service nope not found$/],
    ["an old version", { Service: "web", Version: 1, Spec: serviceBody("web") }, 500, /update out of sequence/],
    ["a rollback without history", { Service: "web", Rollback: true }, 400, /does not have a previous spec/],
  ])("refuses %s as the call itself does", async (_, body, status, message) => {
    await withWeb();
    const reply = await plan(body);
    expect(reply.status).toBe(status);
    expect(reply.at("message")).toMatch(message);
  });
});
