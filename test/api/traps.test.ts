// The 27 traps that break real clients (docker-api.md §0), each by its number. What a trap says of things that are not
// built yet is checked as far as it can be: they say so.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { newTask } from "../../src/model/index.js";
import { apiFixture, type Fixture, managerId, serviceBody, workerId } from "./fixture.js";

describe("trap", () => {
  let fixture: Fixture;
  let serviceId = "";
  const ask: Fixture["ask"] = (...request) => fixture.ask(...request);
  const versionOf = async (path: string): Promise<string> => String((await ask("GET", path)).at("Version.Index"));
  const filters = (value: unknown): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

  beforeAll(async () => {
    fixture = await apiFixture();
    const labels = { Labels: { tier: "front", empty: "" } };
    serviceId = String((await ask("POST", "/services/create", serviceBody("Web", labels))).at("ID"));
    await fixture.writer.update((tx) => {
      const now = { seconds: 1_700_000_000, nanos: 120_000_000 };
      const task = newTask({ id: "task000000000000000000001", serviceId, revision: 1, slot: 1, now });
      const status = {
        timestamp: now,
        appliedAt: now,
        state: TaskState.RUNNING,
        message: "started",
        err: "",
        container: undefined,
        ports: [],
      };
      tx.put("task", { ...task, nodeId: workerId, status });
    });
  });
  afterAll(() => fixture.close());

  test("1: errors are JSON of exactly that type, with a message and a newline", async () => {
    const reply = await ask("GET", "/services/nope");
    expect(reply.headers["content-type"]).toBe("application/json");
    expect(reply.text).toBe('{"message":"service nope not found"}\n');
  });

  test("2: keys in any case, unknown ones ignored, null is nothing, the last of two counts, nothing may follow", async () => {
    const body =
      '{"NAME":"no","name":"two","extra":{"a":[1]},"labels":null,"tasktemplate":{"containerspec":{"IMAGE":"busybox"}},"Mode":{"replicated":{"Replicas":2}}}';
    expect((await ask("POST", "/services/create", body)).status).toBe(201);
    expect((await ask("GET", "/services/two")).at("Spec.Mode")).toEqual({ Replicated: { Replicas: 2 } });
    expect((await ask("POST", "/services/create", `${body}x`)).status).toBe(400);
    await ask("DELETE", "/services/two");
  });

  test("3: paths with and without version, with a dangling question mark", async () => {
    for (const path of [
      "/services",
      "/v1.24/services",
      "/v1.41/services",
      "/v1.50/services",
      "/services?",
      "/v1.41/services?",
    ]) {
      expect((await ask("GET", path)).status, path).toBe(200);
    }
  });

  test("4: filters in both encodings, blanks as %20 or +", async () => {
    for (const value of [{ name: { Web: true } }, { name: { Web: false } }, { name: ["Web"] }]) {
      expect((await ask("GET", `/services?${filters(value)}`)).json, JSON.stringify(value)).toHaveLength(1);
    }
    expect((await ask("GET", "/services?filters=%7B%22name%22:+[%22Web%22]%20%7D")).json).toHaveLength(1);
    for (const none of ["", "{}", "null"]) expect((await ask("GET", `/services?filters=${none}`)).json).toHaveLength(1);
  });

  test("5: strict booleans where Go is strict, loose ones where it is loose", async () => {
    for (const word of ["1", "t", "T", "true", "True", "TRUE", "0", "f", "F", "false", "False", "FALSE", ""]) {
      expect((await ask("GET", `/services?status=${word}`)).status, word).toBe(200);
    }
    expect((await ask("GET", "/services?status=yes")).status).toBe(400);
    for (const word of ["", "0", "no", "false", "NONE"]) {
      expect((await ask("DELETE", `/nodes/${workerId}?force=${word}`)).status, word).toBe(400);
    }
  });

  test("6: version is the object's, a stale one is a 500 with Docker's text", async () => {
    const reply = await ask("POST", `/services/${serviceId}/update?version=1`, serviceBody("Web"));
    expect(reply).toMatchObject({
      status: 500,
      json: { message: "rpc error: code = Unknown desc = update out of sequence" },
    });
  });

  test("7: what comes from the cluster's store keeps its prefix", async () => {
    const reply = await ask("POST", "/services/create", serviceBody("a b"));
    expect(reply.at("message")).toBe(
      "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component",
    );
  });

  test("8: structs stay, scalars go when zero, durations are integers, times end in Z", async () => {
    const service = await ask("GET", "/services/Web");
    expect(service.at("Endpoint")).toEqual({ Spec: {} });
    expect(service.json).not.toHaveProperty("UpdateStatus");
    const task = await ask("GET", "/tasks/task000000000000000000001");
    expect(task.at("Status")).toEqual({
      Timestamp: "2023-11-14T22:13:20.12Z",
      State: "running",
      Message: "started",
      PortStatus: {},
    });
    const node = await ask("GET", "/nodes/h2");
    expect(node.at("Description.TLSInfo")).toEqual({});
  });

  test("9: Volumes and Warnings are there and null, Labels are there and empty", async () => {
    expect((await ask("GET", "/tasks/task000000000000000000001")).json).toMatchObject({ Volumes: null, Labels: {} });
    const created = await ask("POST", "/services/create", serviceBody("nine"));
    expect(created.json).toEqual({ ID: created.at("ID"), Warnings: null });
    expect((await ask("GET", "/services/nine")).at("Spec.Labels")).toEqual({});
    await ask("DELETE", "/services/nine");
  });

  test("10: the Swarm header of a ping", async () => {
    expect((await ask("GET", "/_ping")).headers["swarm"]).toBe("active/manager");
  });

  test("11: HEAD /_ping, versioned too", async () => {
    expect(await ask("HEAD", "/_ping")).toMatchObject({ status: 200, text: "" });
    expect(await ask("HEAD", "/v1.41/_ping")).toMatchObject({ status: 200 });
    expect(await ask("GET", "/_ping")).toMatchObject({ status: 200, text: "OK" });
  });

  test("12: /info says whether this node can be asked, and who it is", async () => {
    expect((await ask("GET", "/info")).at("Swarm")).toMatchObject({
      ControlAvailable: true,
      NodeID: managerId,
      LocalNodeState: "active",
    });
  });

  test("13: the _up-to-date filter keeps the tasks that need no change", async () => {
    const url = `/tasks?${filters({ service: { [serviceId]: true }, "_up-to-date": { true: true } })}`;
    expect((await ask("GET", url)).json).toHaveLength(1);
    const image = { TaskTemplate: { ContainerSpec: { Image: "busybox:2" } } };
    await ask("POST", `/services/Web/update?version=${await versionOf("/services/Web")}`, serviceBody("Web", image));
    expect((await ask("GET", url)).json).toHaveLength(0);
  });

  test("14: ?status=true brings the counts", async () => {
    expect((await ask("GET", "/services?status=true")).at("0.ServiceStatus")).toEqual({
      RunningTasks: 1,
      DesiredTasks: 1,
      CompletedTasks: 0,
    });
    expect((await ask("GET", "/v1.40/services?status=true")).at("0.ServiceStatus")).toBeUndefined();
  });

  test("15: Replicas is never null", async () => {
    await ask("POST", "/services/create", serviceBody("fifteen", { Mode: { Replicated: { Replicas: null } } }));
    expect((await ask("GET", "/services/fifteen")).at("Spec.Mode")).toEqual({ Replicated: { Replicas: 1 } });
    await ask("DELETE", "/services/fifteen");
  });

  test("16, 17: lines of logs carry node, service and task, in frames with their length", async () => {
    const data = Buffer.from("hello");
    const line = { taskId: "t1", timestamp: "2026-11-20T14:43:29.777974851Z", isStderr: true, data, details: "" };
    const said = { $case: "line", line } as const;
    fixture.node.logs = () => ({
      async *subscribe() {
        yield { kind: "lines", lines: [{ nodeId: "n1", serviceId: "s1", taskId: "t1", said }] };
      },
    });
    const { text, headers } = await ask("GET", "/services/Web/logs?stdout=1&details=1");
    const ids = "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1";
    expect(headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
    expect(text).toBe(`\x02\0\0\0\0\0\0${String.fromCharCode(ids.length + 7)}${ids} hello\n`);
  });

  test("18: deleting a service is 200 and empty, updates of nodes and the swarm too", async () => {
    await ask("POST", "/services/create", serviceBody("gone"));
    expect(await ask("DELETE", "/services/gone")).toMatchObject({ status: 200, text: "" });
    const node = { Role: "worker", Availability: "active" };
    expect(await ask("POST", `/nodes/h2/update?version=${await versionOf("/nodes/h2")}`, node)).toMatchObject({
      status: 200,
      text: "",
    });
    expect(await ask("POST", `/swarm/update?version=${await versionOf("/swarm")}`, {})).toMatchObject({
      status: 200,
      text: "",
    });
  });

  test.each([
    ["inactive", 'Use "docker swarm init"'],
    ["worker", "Worker nodes can't be used"],
    ["starting", "Manager is being prepared"],
    ["locked", "Swarm is encrypted"],
  ])("19: a node that is no manager answers 503: %s", async (kind, words) => {
    const { current, leading } = fixture.node;
    const active = { local: "active", nodeId: "n", nodeAddr: "10.0.0.2", managers: [] } as const;
    fixture.node.leading = undefined;
    if (kind === "inactive") fixture.node.current = { local: "inactive" };
    else if (kind === "locked") fixture.node.current = { local: "locked", nodeAddr: "10.0.0.2" };
    else fixture.node.current = { ...active, manager: kind === "worker" ? "no" : "starting" };
    for (const path of ["/services", "/nodes", "/swarm", "/tasks", "/secrets"]) {
      const reply = await ask("GET", path);
      expect(reply.status).toBe(503);
      expect(reply.at("message")).toContain(words);
    }
    fixture.node.current = current;
    fixture.node.leading = leading;
  });

  test("20: a network that is not there is named (500 once there are networks to be had)", async () => {
    const body = serviceBody("net", {
      TaskTemplate: { ContainerSpec: { Image: "a" }, Networks: [{ Target: "nope" }] },
    });
    expect(String((await ask("POST", "/services/create", body)).at("message"))).toMatch(/^network nope not found/);
  });

  test("21: whole id, then exact name, then the start of an id that is nobody else's", async () => {
    const id = serviceId;
    expect((await ask("GET", `/services/${id}`)).at("ID")).toBe(id);
    expect((await ask("GET", "/services/Web")).at("ID")).toBe(id);
    expect((await ask("GET", `/services/${id.slice(0, 20)}`)).at("ID")).toBe(id);
    await ask("POST", "/services/create", serviceBody(id.slice(0, 3)));
    expect((await ask("GET", `/services/${id.slice(0, 3)}`)).at("Spec.Name")).toBe(id.slice(0, 3));
    await ask("DELETE", `/services/${id.slice(0, 3)}`);
    await fixture.writer.update((tx) => {
      const twin = tx.table("node").get(workerId);
      if (twin) tx.put("node", { ...twin, id: `worker${"1".repeat(19)}` });
    });
    expect(await ask("GET", "/nodes/worker")).toMatchObject({
      status: 400,
      json: { message: "node worker is ambiguous (2 matches found)" },
    });
    await fixture.writer.update((tx) => tx.delete("node", `worker${"1".repeat(19)}`));
  });

  test("22: names clash without regard to case and are found with regard to it", async () => {
    expect((await ask("POST", "/services/create", serviceBody("wEB"))).status).toBe(409);
    expect((await ask("GET", "/services/wEB")).status).toBe(404);
  });

  test("23: a create moves the version by one: the first after init is 11 where init left 10", async () => {
    const before = fixture.store.revision;
    await ask("POST", "/services/create", serviceBody("next"));
    expect((await ask("GET", "/services/next")).at("Version.Index")).toBe(before + 1);
    await ask("DELETE", "/services/next");
  });

  test("24: pools are prefixes, nothing malformed", async () => {
    expect((await ask("GET", "/swarm")).json).toMatchObject({
      DefaultAddrPool: ["10.0.0.0/8"],
      SubnetSize: 24,
      DataPathPort: 4789,
    });
  });

  test("25: X-Registry-Auth without credentials is taken, real ones are kept and never shown", async () => {
    const auth = { "X-Registry-Auth": "e30=" };
    expect((await ask("POST", "/services/create", serviceBody("auth"), auth)).status).toBe(201);
    const secret = Buffer.from('{"username":"u","password":"hunter2"}').toString("base64url");
    const image = serviceBody("auth", { TaskTemplate: { ContainerSpec: { Image: "a" } } });
    await ask("POST", `/services/auth/update?version=${await versionOf("/services/auth")}`, image, {
      "X-Registry-Auth": secret,
    });
    // An update without keeps them.
    await ask("POST", `/services/auth/update?version=${await versionOf("/services/auth")}`, {
      ...image,
      Labels: { a: "b" },
    });
    const stored = [...fixture.store.table("revision").all()].filter((each) => each.spec?.annotations?.name === "auth");
    expect(
      stored.map((each) => Buffer.from(each.spec?.task?.container?.registryAuth ?? "", "base64url").toString()),
    ).toEqual(["", '{"username":"u","password":"hunter2"}', '{"username":"u","password":"hunter2"}']);
    for (const path of ["/services/auth", "/services", "/services/auth?insertDefaults=true"]) {
      expect((await ask("GET", path)).text).not.toMatch(/hunter2|egistryAuth|aHVudGVyMg/);
    }
    await ask("DELETE", "/services/auth");
  });

  test("26: half a megabyte of query and headers, a whole spec as credentials, unknown parameters", async () => {
    const spec = serviceBody("big", { Labels: { a: "x".repeat(250_000) } });
    const auth = { "X-Registry-Auth": Buffer.from(JSON.stringify(spec)).toString("base64") };
    expect((await ask("POST", "/services/create", serviceBody("big"), auth)).status).toBe(201);
    const query = new URLSearchParams({
      version: await versionOf("/services/big"),
      Name: "big",
      TaskTemplate: JSON.stringify(spec),
    });
    expect((await ask("POST", `/services/big/update?${query.toString()}`, serviceBody("big"))).status).toBe(200);
    await ask("DELETE", "/services/big");
  });

  test("27: foreign keys in the body of an update, the name in lower case", async () => {
    const version = await versionOf("/services/Web");
    const { Name: _, ...spec } = serviceBody("Web");
    const body = { ...spec, name: "Web", version: 711, authconfig: {}, registryAuthFrom: 7 };
    expect(await ask("POST", `/services/Web/update?version=${version}`, body)).toMatchObject({
      status: 200,
      text: '{"Warnings":null}\n',
    });
  });
});
