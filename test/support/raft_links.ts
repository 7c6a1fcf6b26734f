// One end of the links between members: a real port with the Transport service, and the links that go out from it.

import { expect } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { type Log, type LogFields, silentLog, silentMetrics } from "../../src/base/index.js";
import type { Message } from "../../src/gen/skep/raft/v1/messages.js";
import { type Credentials, type RaftCalls, RaftLinks, raftBinding } from "../../src/rpc/index.js";
import { sourceOf } from "./pki.js";
import { type TestServer, testServer } from "./rpc.js";

export interface LinkEnd {
  readonly raftId: number;
  readonly server: TestServer;
  readonly links: RaftLinks;
  readonly received: Message[];
  readonly broken: number[];
  readonly unreachable: number[];
  /** Links from here that have come to stand, in order. */
  readonly standing: number[];
  /** Who said that this end's member was removed. */
  readonly removedBy: number[];
  /** Where others are: changed by the test. */
  readonly addrs: Map<number, string>;
  /** Who is who, by what this end knows. */
  readonly owners: Map<number, string>;
  credentials: Credentials;
  close(): Promise<void>;
}

export interface LinkEndOptions {
  readonly raftId: number;
  readonly credentials: Credentials;
  readonly calls?: Partial<RaftCalls>;
  readonly peers?: readonly number[];
  readonly log?: Log;
}

export async function linkEnd({ raftId, credentials, calls, peers, log }: LinkEndOptions): Promise<LinkEnd> {
  const received: Message[] = [];
  const broken: number[] = [];
  const unreachable: number[] = [];
  const standing: number[] = [];
  const removedBy: number[] = [];
  const addrs = new Map<number, string>();
  const owners = new Map<number, string>();
  const all: RaftCalls = {
    raftId,
    nodeIdOf: (id) => owners.get(id),
    step: (message) => void received.push(message),
    receiveSnapshot: () => Promise.reject(new Error("not used here")),
    connectionBroken: (id) => void broken.push(id),
    ...calls,
  };
  const debug = (text: string, fields?: LogFields): void => {
    if (text === "link to a manager stands") standing.push(Number(fields?.["raftId"]));
  };
  const modules = { clock: systemClock, log: { ...(log ?? silentLog), debug } };
  const server = await testServer({ identity: sourceOf(credentials), bindings: [raftBinding(all, modules)] });
  const end = { raftId, server, received, broken, unreachable, standing, removedBy, addrs, owners, credentials };
  const links = new RaftLinks(
    { raftId },
    {
      ...modules,
      metrics: silentMetrics,
      addressOf: (id) => addrs.get(id),
      peers: () => peers ?? [],
      credentials: () => end.credentials,
      unreachable: (id) => void unreachable.push(id),
      connectionBroken: (id) => void broken.push(id),
      removed: (by) => void removedBy.push(by),
    },
  );
  return Object.assign(end, {
    links,
    close: async () => {
      await links.close();
      await server.close();
    },
  });
}

/** Polls as long as a test may take: the machine may be busy. */
export function eventually<T>(value: () => T) {
  return expect.poll(value, { timeout: 25_000, interval: 5 });
}

/** A message that tells its number. */
export function heartbeatOf(from: number, to: number, round: number): Message {
  return { from, to, term: 1, body: { $case: "heartbeat", value: { commit: 0, round } } };
}

/** An append of `count` entries of `bytes` each, after `prevIndex`. */
export function appendOf(from: number, to: number, prevIndex: number, count: number, bytes: number): Message {
  const entries = Array.from({ length: count }, (_, at) => ({
    term: 1,
    index: prevIndex + 1 + at,
    kind: 0 as const,
    data: Buffer.alloc(bytes, at),
  }));
  return { from, to, term: 1, body: { $case: "append", value: { prevIndex, prevTerm: 1, entries, commit: 0 } } };
}
