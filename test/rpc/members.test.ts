// The Members service over real TLS: who may call it, who it says calls, and how the leader is found.

import { setMaxListeners } from "node:events";
import { afterEach, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../src/base/index.js";
import type { JoinMembersRequest } from "../../src/gen/skep/v1/members.js";
import { type Credentials, joinMembers, leaveMembers, type MembersCalls, membersBinding } from "../../src/rpc/index.js";
import { sourceOf, type TestSwarm, testSwarm } from "../support/pki.js";
import { noMembers, type TestServer, testServer } from "../support/rpc.js";

const request: JoinMembersRequest = { raftId: 7, addr: "10.0.0.2:2377" };
const signal = new AbortController().signal;
setMaxListeners(100, signal);
const open: TestServer[] = [];
let swarm: TestSwarm;
let manager: Credentials;

beforeAll(async () => {
  swarm = await testSwarm();
  ({ manager } = swarm);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test("the leader is told who asks, by the certificate, and its answer comes back whole", async () => {
  const asked: unknown[] = [];
  const peers = [{ raftId: 1, nodeId: "m1", addr: "10.0.0.1:2377" }];
  const server = await serve({
    join: async (nodeId, { raftId, addr }) => {
      asked.push([nodeId, raftId, addr]);
      return { peers };
    },
    leave: async (nodeId) => void asked.push([nodeId]),
  });
  expect(await joinMembers(server.addr, manager, request, signal)).toEqual({ peers });
  await leaveMembers(server.addr, manager, signal);
  expect(asked).toEqual([[manager.nodeId, 7, "10.0.0.2:2377"], [manager.nodeId]]);
});

test("another manager names the leader, which is asked then", async () => {
  const leader = await serve({ ...noMembers(), join: async () => ({ peers: [] }) });
  const follower = await serve(undefined, leader.addr);
  expect(await joinMembers(follower.addr, manager, request, signal)).toEqual({ peers: [] });
});

test("nobody leads: the caller is told so, and of what kind that is", async () => {
  const follower = await serve(undefined, "");
  await expect(leaveMembers(follower.addr, manager, signal)).rejects.toMatchObject({
    kind: "Unavailable",
    message: "this manager does not lead the swarm",
  });
});

test("a worker may not ask", async () => {
  const server = await serve({ ...noMembers(), join: async () => ({ peers: [] }) });
  const worker = await swarm.node("worker-1");
  await expect(joinMembers(server.addr, worker, request, signal)).rejects.toThrow(
    "Permission denied: this call is for manager certificates, node worker-1 has a worker certificate",
  );
});

async function serve(members: MembersCalls | undefined, leaderAddr = ""): Promise<TestServer> {
  const { root } = manager;
  const leading = members && ({ members } as never);
  const calls = { root: () => root, leader: () => leading, leaderAddr: () => leaderAddr };
  const server = await testServer({ identity: sourceOf(manager), bindings: [membersBinding(calls, silentLog)] });
  open.push(server);
  return server;
}
