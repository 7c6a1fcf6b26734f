// One true answer: whatever becomes of the leader in the middle of a call, a write happens once or is refused, and nothing
// waits for ever.

import { beforeEach, describe, expect, test } from "vitest";
import type { ApiRequest } from "../../src/api/index.js";
import { SwarmError } from "../../src/base/index.js";
import { UnknownOutcome } from "../../src/store/index.js";
import { type LinkFate, Managers } from "./managers.js";

const sentence =
  "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

let swarm: Managers;
beforeEach(async () => {
  swarm = await Managers.start(3);
});

const idsAsked = (): readonly string[] => swarm.asked.map(({ request }) => request.id);
const message = ({ text }: { readonly text: string }): string => (JSON.parse(text) as { message: string }).message;

describe("a write asked of a follower", () => {
  test("reaches the leader once, and what it says comes back", async () => {
    expect(await swarm.create(1, "web")).toMatchObject({ status: 201, tookMs: 0 });
    expect(swarm.serviceNames).toEqual(["web"]);
    expect(swarm.asked).toHaveLength(1);
  });

  test("a refusal is an answer: nobody is asked twice", async () => {
    await swarm.create(1, "web");
    expect(await swarm.create(1, "web")).toMatchObject({ status: 409 });
    expect(swarm.asked).toHaveLength(2);
  });

  test.each<[LinkFate, string]>([
    ["lost", "before it reads it"],
    ["answer lost", "after it did it"],
    ["hangs", "while it holds it"],
  ])("whose leader is gone (%s) %s is asked of the next with the same id, and happens once", async (fate) => {
    swarm.linkFates.push(fate);
    swarm.clock.after(1_400, () => swarm.elect(2));
    swarm.clock.after(fate === "hangs" ? Number.POSITIVE_INFINITY : 1, () => swarm.depose());
    const reply = await swarm.create(1, "web");
    expect(reply).toMatchObject({ status: 201, tookMs: 1_400 });
    expect(swarm.serviceNames).toEqual(["web"]);
    expect(swarm.asked.map(({ to }) => to)).toEqual([0, 2]);
    expect(new Set(idsAsked()).size).toBe(1);
    expect(JSON.parse(reply.text)).toEqual({ ID: [...swarm.store.table("service").all()][0]?.id, Warnings: null });
  });

  test("a leader that was given up is told", async () => {
    swarm.linkFates.push("hangs");
    swarm.clock.after(100, () => swarm.elect(2));
    await swarm.create(1, "web");
    expect(swarm.asked.map(({ request }) => request.closed().aborted)).toEqual([true, false]);
  });

  test("the next leader may be the one that was asked", async () => {
    swarm.linkFates.push("answer lost");
    swarm.clock.after(50, () => swarm.elect(1));
    expect(await swarm.create(1, "web")).toMatchObject({ status: 201 });
    expect(swarm.serviceNames).toEqual(["web"]);
  });

  test("a broken connection to a leader that lives is no loss: it is asked again, within milliseconds", async () => {
    swarm.linkFates.push("answer lost");
    const reply = await swarm.create(1, "web");
    expect(reply.status).toBe(201);
    expect(reply.tookMs).toBeLessThanOrEqual(25);
    expect(swarm.serviceNames).toEqual(["web"]);
  });

  test("a manager that leads no more says so, and the call looks for the next", async () => {
    swarm.elect(2);
    const answer = await swarm.apis[0]?.answer({
      ...{ id: "1", method: "GET", path: "/services", query: "", headers: {}, body: new Uint8Array(0) },
      closed: () => new AbortController().signal,
    });
    expect(answer).toEqual({ notLeading: true });
  });
});

describe("a request handed on to a manager that was just elected", () => {
  const handed: ApiRequest = {
    ...{ id: "1", method: "GET", path: "/services", query: "", headers: {}, body: new Uint8Array(0) },
    closed: () => new AbortController().signal,
  };

  test("waits until it leads", async () => {
    swarm.depose();
    swarm.clock.after(30, () => swarm.elect(1));
    const answer = await swarm.clock.finish(swarm.apis[1]?.answer(handed) ?? Promise.reject(new Error()), 1_000);
    expect(answer).toMatchObject({ status: 200 });
    expect(swarm.clock.monotonic()).toBe(30);
  });

  test("goes back at once when another leads, and soon when nobody does", async () => {
    swarm.depose();
    swarm.clock.after(30, () => swarm.elect(2));
    const ask = () => swarm.clock.finish(swarm.apis[1]?.answer(handed) ?? Promise.reject(new Error()), 1_000);
    expect(await ask()).toEqual({ notLeading: true });
    expect(swarm.clock.monotonic()).toBe(30);
    swarm.depose();
    expect(await ask()).toEqual({ notLeading: true });
    expect(swarm.clock.monotonic()).toBe(280);
  });
});

describe("a write at the leader", () => {
  test.each([
    ["did not happen", false],
    ["happened", true],
  ])(
    "that loses the lead in the middle, when the write %s, is handed to the next with the same id",
    async (_, isApplied) => {
      swarm.fates.push({ isApplied, fail: new UnknownOutcome() });
      swarm.clock.after(1, () => swarm.depose());
      swarm.clock.after(30, () => swarm.elect(2));
      const reply = await swarm.create(0, "web", { id: "the-id" });
      expect(reply).toMatchObject({ status: 201, tookMs: 30 });
      expect(swarm.serviceNames).toEqual(["web"]);
      expect(idsAsked()).toEqual(["the-id"]);
    },
  );

  test("is taken up by the same manager when that is elected again", async () => {
    swarm.fates.push({ isApplied: true, fail: new UnknownOutcome() });
    swarm.clock.after(1, () => swarm.depose());
    swarm.clock.after(30, () => swarm.elect(0));
    expect(await swarm.create(0, "web")).toMatchObject({ status: 201, tookMs: 30 });
    expect(swarm.serviceNames).toEqual(["web"]);
  });

  test("whose disk is full says that, not that leadership was lost", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    swarm.fates.push({ isApplied: false, fail: new UnknownOutcome(undefined, { cause: full }) });
    swarm.clock.after(1, () => swarm.depose());
    const text = message(await swarm.create(0, "web"));
    expect(text).toMatch(/^rpc error: code = Unknown desc = this manager's disk is full \(ENOSPC\): the change may/);
    expect(text).not.toContain("leadership was lost");
  });

  test("and the manager ends with it: its client reads the cause all the same", async () => {
    const full = Object.assign(new Error("read-only"), { code: "EROFS" });
    swarm.fates.push({ isApplied: false, fail: new UnknownOutcome(undefined, { cause: full }) });
    swarm.clock.after(1, () => {
      swarm.depose();
      const [node] = swarm.nodes;
      if (node) node.current = { local: "error", nodeId: "h0", nodeAddr: "10.0.0.0", error: "disk" };
    });
    const reply = await swarm.create(0, "web");
    expect(message(reply)).toContain("this manager's disk is read-only (EROFS)");
    expect(reply.tookMs).toBeLessThan(100);
  });
});

describe("without a leader", () => {
  test("a write is refused after three seconds, with who answers, who does not and what to do", async () => {
    swarm.depose();
    for (const at of [1, 2]) swarm.nodes[0]?.unreachable.add(at);
    const reply = await swarm.create(0, "web");
    expect(reply).toMatchObject({ status: 500, tookMs: 3_000 });
    expect(message(reply)).toBe(
      `${sentence}\n1 of 3 answers (h0); unreachable: h1 (10.0.0.1:2377) since 09:20:11 UTC, h2 (10.0.0.2:2377) since 09:20:12 UTC.\n` +
        "Running containers go on. Bring one of them back; if both are lost for good, run on h0: skep swarm init --force-new-cluster",
    );
  });

  test("one that may have reached the last leader says that it may have happened", async () => {
    swarm.linkFates.push("answer lost");
    swarm.clock.after(1, () => swarm.depose());
    const reply = await swarm.create(1, "web");
    expect(message(reply)).toContain("the connection is gone: the change may or may not have happened.");
    expect(message(reply)).toContain("The swarm does not have a leader.");
    expect(reply.tookMs).toBeLessThanOrEqual(3_020);
  });

  test("a leader that holds a write and is lost is given up after three seconds", async () => {
    swarm.linkFates.push("hangs");
    swarm.clock.after(10, () => swarm.depose());
    const reply = await swarm.create(1, "web");
    expect(reply.tookMs).toBeLessThanOrEqual(6_100);
    expect(message(reply)).toContain(
      "the leader was lost before it answered: the change may or may not have happened.",
    );
  });

  test("reads come from the own store, and say how old they may be", async () => {
    await swarm.create(0, "web");
    swarm.depose();
    const [node] = swarm.nodes;
    if (node) node.noLeaderForMs = 61_400;
    const reply = await swarm.ask(0, "GET", "/services");
    expect(reply).toMatchObject({ status: 200, tookMs: 0, headers: { "Skep-Stale": "62" } });
    expect((await swarm.ask(0, "GET", "/services/web")).headers["Skep-Stale"]).toBe("62");
    expect((await swarm.ask(0, "GET", "/services/none")).status).toBe(404);
  });

  test("reads wait for an election that may be under way", async () => {
    swarm.depose();
    swarm.clock.after(200, () => swarm.elect(1));
    const reply = await swarm.ask(0, "GET", "/services");
    expect(reply).toMatchObject({ status: 200, tookMs: 200 });
    expect(reply.headers).not.toHaveProperty("Skep-Stale");
  });

  test("a read that has to be current is refused rather than old", async () => {
    swarm.depose();
    const reply = await swarm.ask(0, "GET", "/services", { headers: { "skep-consistency": "linearizable" } });
    expect(reply).toMatchObject({ status: 500, tookMs: 3_000 });
  });

  test("info warns, and shows what this manager knows", async () => {
    swarm.depose();
    const [node] = swarm.nodes;
    node?.unreachable.add(1).add(2);
    if (node) node.noLeaderForMs = 5_000;
    const info = JSON.parse((await swarm.ask(0, "GET", "/info")).text) as { Warnings: string[]; Swarm: object };
    expect(info.Warnings.join()).toContain("the swarm has had no leader for 5 s (1 of 3 answers (h0))");
    expect(info.Swarm).toMatchObject({ ControlAvailable: true, Nodes: 0, Cluster: { ID: "cluster" } });
  });

  test.each([
    [{ local: "pending", nodeId: "", nodeAddr: "" }],
    [{ local: "active", nodeId: "h0", nodeAddr: "", manager: "starting", managers: [] }],
  ] as const)("a manager that comes up makes calls wait, and then says that it comes up: %j", async (state) => {
    const [node] = swarm.nodes;
    swarm.depose();
    if (node) Object.assign(node, { current: state, hasStore: false });
    const refused = await swarm.create(0, "web");
    expect(refused).toMatchObject({ status: 503, tookMs: 3_000 });
    expect(message(refused)).toMatch(/Manager is being prepared or has trouble connecting to the cluster\.$/);
    swarm.clock.after(700, () => swarm.elect(1));
    expect(await swarm.create(0, "web")).toMatchObject({ status: 201, tookMs: 700 });
  });

  test("a client that leaves ends its call", async () => {
    swarm.depose();
    const gone = new AbortController();
    swarm.clock.after(500, () => gone.abort(new Error("the client has gone")));
    expect((await swarm.create(0, "web", { closed: () => gone.signal })).tookMs).toBe(500);
  });
});

describe("a read that has to be current", () => {
  const current = { headers: { "skep-consistency": "linearizable" } } satisfies Partial<ApiRequest>;

  test("asks the other managers first", async () => {
    let rounds = 0;
    const [leader] = swarm.nodes;
    if (leader) {
      leader.readIndex = async () => {
        rounds += 1;
      };
    }
    expect((await swarm.ask(0, "GET", "/services", current)).status).toBe(200);
    expect((await swarm.ask(1, "GET", "/services", current)).status).toBe(200);
    expect((await swarm.ask(0, "GET", "/services")).status).toBe(200);
    expect(rounds).toBe(2);
  });

  test("goes to the next leader when this one cannot be sure that it leads", async () => {
    const [deposed] = swarm.nodes;
    if (deposed) deposed.readIndex = () => Promise.reject(new SwarmError("Unavailable", "this member does not lead"));
    swarm.clock.after(40, () => swarm.elect(2));
    expect(await swarm.ask(0, "GET", "/services", current)).toMatchObject({ status: 200 });
    expect(swarm.asked.map(({ to }) => to)).toEqual([2]);
  });

  test("does not wait for others that are silent for ever", async () => {
    const [alone] = swarm.nodes;
    if (alone) {
      alone.readIndex = (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        });
    }
    const reply = await swarm.ask(0, "GET", "/services", current);
    expect(reply.status).toBe(503);
    expect(reply.tookMs).toBeLessThanOrEqual(9_500);
  });
});

describe("bounds", () => {
  test("a leader that never answers holds a call for 25 seconds", async () => {
    swarm.linkFates.push("hangs");
    const reply = await swarm.create(1, "web");
    expect(reply).toMatchObject({ status: 500, tookMs: 25_000 });
    expect(message(reply)).toBe("rpc error: code = DeadlineExceeded desc = context deadline exceeded");
  });

  test("leaders that come and go for ever do not hold a call for ever", async () => {
    swarm.linkFates.push(...Array.from({ length: 1_000 }, () => "lost" as const));
    let next = 0;
    const flap = (): void => {
      swarm.elect([0, 2][next++ % 2] ?? 0);
      swarm.clock.after(7, flap);
    };
    flap();
    const reply = await swarm.create(1, "web");
    expect(reply.status).toBe(503);
    expect(reply.text).toContain("the change may or may not have happened");
    expect(reply.tookMs).toBeLessThanOrEqual(3_200);
    expect(swarm.asked.length).toBeLessThan(600);
  });

  test("nothing is left ticking soon after the answers", async () => {
    swarm.linkFates.push("answer lost", "lost");
    swarm.clock.after(3, () => swarm.elect(2));
    await swarm.create(1, "web");
    await swarm.ask(1, "GET", "/services");
    await swarm.clock.advance(50);
    expect(swarm.clock.pending).toBe(0);
  });
});

describe("a request that was handed on", () => {
  const handed = (method: string, path: string): ApiRequest => ({
    ...{ id: "1", method, path, query: "", headers: {}, body: new Uint8Array(0) },
    closed: () => new AbortController().signal,
  });

  test.each([
    ["POST", "/swarm/init"],
    ["POST", "/swarm/leave"],
    ["GET", "/info"],
    ["GET", "/skep/v1/backup"],
    ["POST", "/networks/create"],
    ["GET", "/containers/json"],
    ["GET", "/v1.99/services"],
    ["GET", "/%zz"],
    ["BREW", ""],
  ])("is only ever one for the leader: %s %s is refused", async (method, path) => {
    const answer = await swarm.apis[0]?.answer(handed(method, path));
    expect(answer).toMatchObject({ status: path.startsWith("/v1.99") ? 400 : 404 });
  });

  test("a predefined network is asked of the leader under a path of our own", async () => {
    const reply = await swarm.ask(1, "GET", "/networks/host", { query: "scope=swarm" });
    expect(JSON.parse(reply.text)).toMatchObject({ Name: "host", Scope: "swarm" });
    expect(swarm.asked[0]?.request.path).toBe("/skep/v1/networks/host");
  });
});
