// Who answers: this node, the leader elsewhere, nobody; and what older clients and long lists get.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { forClient } from "../../src/api/decode/by-version.js";
import { parseJson } from "../../src/api/decode/json.js";
import { Reader } from "../../src/api/decode/reader.js";
import { decodeService } from "../../src/api/decode/service.js";
import type { ApiRequest, ApiResponse } from "../../src/api/index.js";
import { inOrder } from "../../src/api/list.js";
import { SwarmError } from "../../src/base/index.js";
import { TaskState, WaitStage } from "../../src/gen/skep/v1/objects.js";
import { newTask } from "../../src/model/index.js";
import { apiFixture, type Fixture, fastClock, serviceBody, workerId } from "./fixture.js";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await apiFixture({ modules: { clock: fastClock } });
});
afterEach(() => fixture.close());

const bytes = (text: string): ApiResponse => ({
  status: 200,
  headers: { "Content-Type": "application/json" },
  body: { kind: "bytes", bytes: Buffer.from(text) },
});

/** The node follows a leader that records what it is handed. */
function follow(answer: (request: ApiRequest) => Promise<ApiResponse>): ApiRequest[] {
  const asked: ApiRequest[] = [];
  fixture.node.leading = undefined;
  fixture.node.following = {
    forward: (request) => {
      asked.push(request);
      return answer(request);
    },
  };
  return asked;
}

describe("a manager that does not lead", () => {
  test("hands a request on as it came and gives the answer back as it is", async () => {
    const asked = follow(async () => bytes("[1]\n"));
    const reply = await fixture.ask("POST", "/v1.41/services/create?x=1", { Name: "a" }, { "X-Registry-Auth": "e30=" });
    expect(reply).toMatchObject({ status: 200, text: "[1]\n" });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ method: "POST", path: "/v1.41/services/create", query: "x=1" });
    expect(asked[0]?.headers["x-registry-auth"]).toBe("e30=");
    expect(Buffer.from(asked[0]?.body ?? []).toString()).toBe('{"Name":"a"}');
    expect(asked[0]?.id).toMatch(/^[0-9a-z]{25}$/);
  });

  test("answers ping and info itself, and asks the leader for the cluster", async () => {
    const asked = follow(async () => bytes('{"Nodes":7,"Managers":3}'));
    expect((await fixture.ask("GET", "/info")).at("Swarm")).toMatchObject({
      ControlAvailable: true,
      Nodes: 7,
      Managers: 3,
    });
    expect(asked[0]?.path).toBe("/skep/v1/cluster");
    expect((await fixture.ask("GET", "/_ping")).headers["swarm"]).toBe("active/manager");
  });

  test("leaves the cluster out of info when the leader does not answer in a second", async () => {
    follow(() => new Promise(() => undefined));
    const startedAt = fastClock.monotonic();
    const info = await fixture.ask("GET", "/info");
    expect(fastClock.monotonic() - startedAt).toBeGreaterThanOrEqual(1_000);
    expect(info.at("Swarm.Cluster")).toBeUndefined();
    expect(info.at("Swarm.ControlAvailable")).toBe(true);
  });

  test("asks a leader again that does not answer, for three seconds, then says why", async () => {
    let tries = 0;
    follow(() => {
      tries += 1;
      return Promise.reject(new SwarmError("Unavailable", "the leader is gone"));
    });
    expect(await fixture.ask("GET", "/services")).toMatchObject({
      status: 503,
      json: { message: "the leader is gone" },
    });
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(20);
  });

  test("waits for a leader, and takes the one that comes", async () => {
    const { leading } = fixture.node;
    fixture.node.leading = undefined;
    fastClock.after(500, () => {
      fixture.node.leading = leading;
    });
    expect((await fixture.ask("GET", "/nodes")).json).toHaveLength(2);
  });

  test("after three seconds without a leader says so in Docker's words", async () => {
    fixture.node.leading = undefined;
    const reply = await fixture.ask("GET", "/nodes");
    expect(reply.status).toBe(500);
    expect(reply.at("message")).toMatch(/^rpc error: code = Unknown desc = The swarm does not have a leader\./);
  });
});

test("two managers are one too few or one too many: info warns", async () => {
  follow(async () => bytes('{"Nodes":2,"Managers":2}'));
  expect(JSON.stringify((await fixture.ask("GET", "/info")).at("Warnings"))).toContain("two-manager configuration");
});

test("an internal failure is a 500 with its text, and the server lives on", async () => {
  follow(() => Promise.reject(new Error("boom")));
  expect(await fixture.ask("GET", "/services")).toMatchObject({ status: 500, json: { message: "boom" } });
  expect((await fixture.ask("GET", "/_ping")).status).toBe(200);
});

describe("a client older than a field", () => {
  const body = serviceBody("old", {
    TaskTemplate: {
      ContainerSpec: {
        Image: "a",
        Sysctls: { a: "1" },
        CapabilityAdd: ["X"],
        Ulimits: [{ Name: "n", Soft: 1, Hard: 2 }],
        Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "unconfined" } },
        Healthcheck: { StartInterval: 5_000_000 },
        OomScoreAdj: 5,
        Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { Options: [["ro"]] } }],
      },
      Resources: { Limits: { Pids: 5 } },
      Placement: { MaxReplicas: 3 },
    },
  });
  const seen = (version: string) => {
    const { task } = forClient(decodeService(Reader.of(parseJson(JSON.stringify(body)), "ServiceSpec")), version);
    return {
      sysctls: Object.keys(task?.container?.sysctls ?? {}).length,
      maxReplicas: task?.placement?.maxReplicas,
      caps: task?.container?.capabilityAdd.length,
      pids: task?.resources?.limits?.pids,
      noNewPrivileges: task?.container?.privileges?.noNewPrivileges,
      startInterval: task?.container?.healthcheck?.startInterval !== undefined,
      score: task?.container?.oomScoreAdj,
      options: task?.container?.mounts[0]?.tmpfs?.options.length,
    };
  };
  const all = {
    sysctls: 1,
    maxReplicas: 3,
    caps: 1,
    pids: 5,
    noNewPrivileges: true,
    startInterval: true,
    score: 5,
    options: 1,
  };

  test.each([
    ["1.50", all],
    ["1.46", all],
    ["1.45", { ...all, score: undefined, options: 0 }],
    ["1.43", { ...all, score: undefined, options: 0, noNewPrivileges: false, startInterval: false }],
    ["1.40", { ...all, score: undefined, options: 0, noNewPrivileges: false, startInterval: false, caps: 0, pids: 0 }],
    [
      "1.39",
      {
        sysctls: 0,
        maxReplicas: 0,
        caps: 0,
        pids: 0,
        noNewPrivileges: false,
        startInterval: false,
        score: undefined,
        options: 0,
      },
    ],
  ])("at %s cannot have set it", (version, expected) => {
    expect(seen(version)).toEqual(expected);
  });
});

describe("lists", () => {
  test("of any length are in order of ids", () => {
    for (const count of [0, 1, 10, 5_000]) {
      const ids = Array.from({ length: count }, (_, at) => ((at * 7_919) % 100_003).toString(36).padStart(25, "0"));
      const reversed = ids.map((id) => id.split("").reverse().join(""));
      const rows = reversed.map((id) => ({ id }));
      expect([...inOrder(rows)].map(({ id }) => id)).toEqual([...reversed].sort());
    }
  });

  test("of 5,000 tasks arrive whole, in slices", async () => {
    const serviceId = String((await fixture.ask("POST", "/services/create", serviceBody("many"))).at("ID"));
    const now = { seconds: 1, nanos: 0 };
    for (let part = 0; part < 5; part++) {
      await fixture.writer.update((tx) => {
        for (let at = 0; at < 1_000; at++) {
          tx.put("task", newTask({ id: `${part}${at}`.padEnd(25, "x"), serviceId, revision: 1, slot: 1, now }));
        }
      });
    }
    const reply = await fixture.ask("GET", "/tasks");
    expect(reply.headers["transfer-encoding"]).toBe("chunked");
    expect(reply.json).toHaveLength(5_000);
    const ids = (reply.json as readonly { readonly ID: string }[]).map(({ ID }) => ID);
    expect(ids).toEqual([...ids].sort());
  });
});

describe("what holds a task back", () => {
  const put = async (state: TaskState, wait: boolean, nodeId = ""): Promise<unknown> => {
    const serviceId = String((await fixture.ask("POST", "/services/create", serviceBody("w"))).at("ID"));
    const now = { seconds: 100, nanos: 0 };
    await fixture.writer.update((tx) => {
      const task = newTask({ id: "t".repeat(25), serviceId, revision: 1, slot: 1, now });
      const status = task.status && { ...task.status, state, message: "pulling nginx" };
      const reason = { stage: WaitStage.SCHEDULER, reason: "no suitable node", since: now };
      tx.put("task", { ...task, nodeId, status, ...(wait && { wait: reason }) });
    });
    return (await fixture.ask("GET", `/tasks/${"t".repeat(25)}`)).at("Wait");
  };

  test("is what the scheduler wrote", async () => {
    expect(await put(TaskState.PENDING, true)).toEqual({
      Stage: "scheduler",
      Reason: "no suitable node",
      Since: "1970-01-01T00:01:40Z",
    });
  });

  test("is its node's word from there on", async () => {
    expect(await put(TaskState.PREPARING, true, workerId)).toMatchObject({ Stage: "node", Reason: "pulling nginx" });
  });

  test("is its node when that is gone", async () => {
    expect(await put(TaskState.ASSIGNED, false, "nobody")).toMatchObject({ Reason: "its node nobody is gone" });
  });

  test("is nothing once it runs", async () => {
    expect(await put(TaskState.RUNNING, true, workerId)).toBeUndefined();
  });
});
