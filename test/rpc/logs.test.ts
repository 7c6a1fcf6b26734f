// The Logs service over real TLS: who publishes, how far ahead of its reader, and how either side ends it.

import { setMaxListeners } from "node:events";
import { afterEach, beforeAll, expect, test } from "vitest";
import { SwarmError, silentLog } from "../../src/base/index.js";
import type { LogBatch } from "../../src/gen/skep/v1/logs.js";
import { type Credentials, type LogsCalls, logsBinding } from "../../src/rpc/index.js";
import { batchesUnderWayMax } from "../../src/rpc/logs-binding.js";
import { publishLogs } from "../../src/rpc/logs-client.js";
import { sourceOf, type TestSwarm, testSwarm } from "../support/pki.js";
import { noLogs, noMembers, type TestServer, testServer } from "../support/rpc.js";

const signal = new AbortController().signal;
setMaxListeners(100, signal);
const open: TestServer[] = [];
let swarm: TestSwarm;
let worker: Credentials;

beforeAll(async () => {
  swarm = await testSwarm();
  worker = await swarm.node("worker-1");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test("what a node publishes arrives whole and in order, under the name in its certificate", async () => {
  const heard: [string, LogBatch][] = [];
  const { addr } = await serve(async (nodeId, batches) => {
    for await (const batch of batches) heard.push([nodeId, batch]);
  });
  const sent = Array.from({ length: 50 }, (_, at) => batch(`line ${at}`));
  await publishLogs({ addr, credentials: worker }, each(sent), signal);
  expect(heard).toEqual(sent.map((one) => ["worker-1", one]));
});

test("a node runs no further ahead of who reads than it may", async () => {
  let made = 0;
  const { addr } = await serve(async (_, batches) => {
    for await (const _batch of batches) await new Promise(() => {});
  });
  const endless = (async function* () {
    for (;;) {
      made += 1;
      yield batch(`line ${made}`);
    }
  })();
  const stop = new AbortController();
  const publishing = publishLogs({ addr, credentials: worker }, endless, stop.signal).catch((error: unknown) => error);
  await settled(() => made);
  expect(made).toBeLessThanOrEqual(batchesUnderWayMax + 1);
  stop.abort(new Error("enough"));
  expect(await publishing).toMatchObject({ message: "enough" });
});

test("the manager ends the stream when it wants no more, though the node has nothing to say", async () => {
  const { addr } = await serve(async (_, batches) => {
    await batches[Symbol.asyncIterator]().next();
  });
  const silent = (async function* () {
    yield batch("first");
    await new Promise(() => {});
  })();
  await publishLogs({ addr, credentials: worker }, silent, signal);
});

test("the manager learns that the node is gone", async () => {
  let gone: unknown;
  const { addr } = await serve(async (_, batches, until) => {
    until.addEventListener("abort", () => (gone = until.reason));
    for await (const _batch of batches) continue;
  });
  const stop = new AbortController();
  const publishing = publishLogs({ addr, credentials: worker }, each([batch("a")], true), stop.signal);
  setTimeout(() => stop.abort(new Error("gone")), 100);
  await expect(publishing).rejects.toThrow("gone");
  await expect.poll(() => gone).toBeDefined();
});

test.each([
  ["a manager that does not lead", "", "this manager does not lead the swarm"],
  ["a broker that refuses", "leader:2377", "this call needs better manners"],
])("is refused by %s", async (_, leaderAddr, message) => {
  const { addr } = await serve(async () => {
    throw new SwarmError("PermissionDenied", "this call needs better manners");
  }, leaderAddr);
  await expect(publishLogs({ addr, credentials: worker }, each([batch("a")], true), signal)).rejects.toThrow(message);
});

function batch(text: string): LogBatch {
  const line = { taskId: "t", timestamp: "2026", isStderr: false, data: Buffer.from(text), details: "" };
  return { subscriptionId: "s", lines: [line], failures: [] };
}

async function* each(batches: readonly LogBatch[], isOpen = false): AsyncGenerator<LogBatch, void, void> {
  yield* batches;
  if (isOpen) await new Promise(() => {});
}

async function serve(publish: LogsCalls["publish"], leaderAddr = "leader:2377"): Promise<TestServer> {
  const logs = { ...noLogs(), publish };
  const leader = { ca: { issue: () => Promise.reject(new Error("unused")) }, dispatcher: { session: none }, logs };
  const calls = {
    root: () => "",
    leader: () => (leaderAddr === "" ? undefined : { ...leader, members: noMembers() }),
    leaderAddr: () => leaderAddr,
  };
  const server = await testServer({ identity: sourceOf(swarm.manager), bindings: [logsBinding(calls, silentLog)] });
  open.push(server);
  return server;
}

async function* none(): AsyncGenerator<never, void, void> {}

/** Resolves once the number has stood still for a while. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count() || before === 0; ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
