// A manager's port on loopback, with whatever it answers given by the test.

import { systemClock } from "../../src/base/host/index.js";
import { type Log, silentLog, silentMetrics } from "../../src/base/index.js";
import type { AgentMessage, ManagerMessage } from "../../src/gen/skep/v1/dispatcher.js";
import {
  type Binding,
  type CredentialSource,
  caBinding,
  dispatcherBinding,
  type LeaderCalls,
  type ManagerCalls,
  RpcServer,
} from "../../src/rpc/index.js";

export interface TestServer {
  readonly addr: string;
  readonly port: number;
  readonly server: RpcServer;
  readonly removed: Set<string>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly identity: CredentialSource;
  readonly leader?: Partial<LeaderCalls> | undefined;
  readonly leaderAddr?: string;
  readonly bindings?: readonly Binding[];
  readonly handshakeMs?: number;
  readonly strangerMs?: number;
  readonly host?: string;
  readonly port?: number;
  readonly log?: Log;
}

export async function testServer(options: TestServerOptions): Promise<TestServer> {
  const removed = new Set<string>();
  const { identity, bindings = [], host = "127.0.0.1", port = 0, leaderAddr, log = silentLog, ...bounds } = options;
  const manager = managerOf({ ...options, leaderAddr: leaderAddr ?? "" });
  const server = new RpcServer(
    { host, port, ...bounds },
    {
      identity,
      clock: systemClock,
      log,
      metrics: silentMetrics,
      bindings: [caBinding(manager, silentLog), dispatcherBinding(manager, silentLog), ...bindings],
      isRemoved: (nodeId) => removed.has(nodeId),
    },
  );
  const bound = await server.listen();
  return { server, removed, port: bound, addr: `${host}:${bound}`, close: () => server.close() };
}

function managerOf({ identity, leader, leaderAddr = "" }: TestServerOptions): ManagerCalls {
  const calls: LeaderCalls = {
    ca: leader?.ca ?? { issue: () => Promise.reject(new Error("not used here")) },
    dispatcher: leader?.dispatcher ?? { session: echo },
    members: leader?.members ?? noMembers(),
    logs: leader?.logs ?? noLogs(),
  };
  return {
    root: () => identity.current.root,
    leader: () => (leaderAddr === "" ? calls : undefined),
    leaderAddr: () => leaderAddr,
  };
}

export function noMembers(): LeaderCalls["members"] {
  const refuse = (): Promise<never> => Promise.reject(new Error("not used here"));
  return { join: refuse, leave: refuse };
}

export function noLogs(): LeaderCalls["logs"] {
  return { publish: () => Promise.reject(new Error("not used here")) };
}

/** Answers each heartbeat with its number. */
export async function* echo(
  _peer: unknown,
  incoming: AsyncIterable<AgentMessage>,
): AsyncGenerator<ManagerMessage, void, void> {
  for await (const { message } of incoming) {
    if (message?.$case === "heartbeat") {
      yield { message: { $case: "heartbeat", value: { number: message.value.number } } };
    }
  }
}

export function heartbeat(number: number): AgentMessage {
  return { message: { $case: "heartbeat", value: { number } } };
}
