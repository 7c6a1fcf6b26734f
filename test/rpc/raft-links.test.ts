import { once } from "node:events";
import net from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { type LogFields, type SwarmError, silentLog } from "../../src/base/index.js";
import type { Message } from "../../src/gen/skep/raft/v1/messages.js";
import { Batch } from "../../src/gen/skep/raft/v1/transport.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import type { Credentials } from "../../src/rpc/index.js";
import { dialLine } from "../../src/rpc/line-dial.js";
import { raftProtocol } from "../../src/rpc/raft-dial.js";
import { type TestSwarm, testSwarm } from "../support/pki.js";
import {
  appendOf,
  eventually,
  heartbeatOf,
  type LinkEnd,
  type LinkEndOptions,
  linkEnd,
} from "../support/raft_links.js";
import { type TcpProxy, tcpProxy } from "../support/tcp_proxy.js";

let swarm: TestSwarm;
let other: Credentials;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  swarm = await testSwarm();
  other = await swarm.node("manager-2", { role: NodeRole.MANAGER });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function anEnd(options: Partial<LinkEndOptions> = {}): Promise<LinkEnd> {
  const end = await linkEnd({ raftId: 1, credentials: swarm.manager, ...options });
  open.push(end);
  return end;
}

/** Two members, the first linked to the second. */
async function aPair(options: Partial<LinkEndOptions> = {}): Promise<readonly [LinkEnd, LinkEnd]> {
  const to = await anEnd({ raftId: 2, credentials: other, ...options });
  const from = await anEnd();
  from.addrs.set(2, to.server.addr);
  return [from, to];
}

/** The same with a proxy between them. */
async function aProxiedPair(): Promise<readonly [LinkEnd, LinkEnd, TcpProxy]> {
  const [from, to] = await aPair();
  const proxy = await tcpProxy(to.server.port);
  open.push(proxy);
  from.addrs.set(2, proxy.addr);
  return [from, to, proxy];
}

const rounds = (messages: readonly Message[]): readonly number[] =>
  messages.map(({ body }) => (body?.$case === "heartbeat" ? body.value.round : -1));

/** Sends a heartbeat and waits until it is there: the link stands. */
async function meet(from: LinkEnd, to: LinkEnd, round = 0): Promise<void> {
  from.links.send([heartbeatOf(from.raftId, to.raftId, round)]);
  await eventually(() => rounds(to.received)).toContain(round);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a link", () => {
  test("carries messages in order, whatever is sent in one turn", async () => {
    const [from, to] = await aPair();
    for (let round = 0; round < 500; round += 1) {
      from.links.send([heartbeatOf(1, 2, round)]);
      if (round % 7 === 0) await turn();
    }
    await eventually(() => to.received.length).toBe(500);
    expect(rounds(to.received)).toEqual(Array.from({ length: 500 }, (_, round) => round));
    expect([from.broken, from.unreachable, to.broken]).toEqual([[], [], []]);
  });

  test("brings what was sent, field by field", async () => {
    const [from, to] = await aPair();
    const sent: Message[] = [
      appendOf(1, 2, 7, 3, 300),
      {
        from: 1,
        to: 2,
        term: 2 ** 52,
        body: { $case: "vote", value: { lastIndex: 1, lastTerm: 2, isTransfer: true, gone: 3 } },
      },
      { from: 1, to: 2, term: 9, body: { $case: "timeoutNow", value: {} } },
      {
        from: 1,
        to: 2,
        term: 9,
        body: { $case: "appendAnswer", value: { index: 5, isRejected: true, hintIndex: 4, hintTerm: 1 } },
      },
    ];
    from.links.send(sent);
    await eventually(() => to.received.length).toBe(4);
    expect(to.received).toEqual(sent);
  });

  test("to a member whose address is not known drops, and says so after send has returned", async () => {
    const from = await anEnd();
    from.links.send([heartbeatOf(1, 2, 1), heartbeatOf(1, 2, 2)]);
    expect(from.unreachable).toEqual([]);
    await turn();
    expect(from.unreachable).toEqual([2]);
  });

  test("to nobody drops what waited, says so, and is there as soon as somebody listens", async () => {
    const to = await anEnd({ raftId: 2, credentials: other });
    const { port } = to.server;
    await to.close();
    const from = await anEnd();
    from.addrs.set(2, `127.0.0.1:${port}`);
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.unreachable).toEqual([2]);
    expect(from.broken).toEqual([2]);
    const again = await anEnd({ raftId: 2, credentials: other });
    from.addrs.set(2, again.server.addr);
    await eventually(() => {
      from.links.send([heartbeatOf(1, 2, 2)]);
      return again.received.length;
    }).toBeGreaterThan(0);
  });

  test("holds at most its bound for a peer that reads nothing, and says what it dropped", async () => {
    const [from, to, proxy] = await aProxiedPair();
    await meet(from, to);
    proxy.hold(true);
    const bytesMax = 8 * 1024 * 1024;
    for (let at = 0; at < 64; at += 1) {
      from.links.send([appendOf(1, 2, at, 1, 512 * 1024)]);
      await turn();
    }
    expect(from.unreachable.length).toBeGreaterThan(0);
    proxy.hold(false);
    await eventually(() => to.received.length).toBeGreaterThan(10);
    await eventually(() => to.received.length + from.unreachable.length).toBe(65);
    // What the queue holds, what gRPC was given, and what the sockets took.
    expect(to.received.length * 512 * 1024).toBeLessThan(2.5 * bytesMax);
  });

  test("does not take a message that the other side could not read", async () => {
    const [from, to] = await aPair();
    await meet(from, to);
    from.links.send([appendOf(1, 2, 1, 1, 5 * 1024 * 1024)]);
    await turn();
    expect(from.unreachable).toEqual([2]);
    await meet(from, to, 1);
  });

  test("is opened to who is a peer before anything is to be said", async () => {
    const to = await anEnd({ raftId: 2, credentials: other });
    const from = await anEnd({ peers: [2] });
    from.addrs.set(2, to.server.addr);
    await eventually(() => to.server.server.counts.all).toBe(1);
    await from.links.close();
    await eventually(() => to.server.server.counts.all).toBe(0);
    expect(to.broken).toEqual([]);
  });
});

describe("a link that breaks", () => {
  test("is reported on both sides, and made anew", async () => {
    const [from, to, proxy] = await aProxiedPair();
    await meet(from, to);
    await eventually(() => from.standing).toEqual([2]);
    proxy.breakAll();
    await eventually(() => [from.broken, to.broken]).toEqual([[2], [1]]);
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => rounds(to.received)).toContain(1);
  });

  test("because the other process is gone is reported once more when dialling fails", async () => {
    const [from, to, proxy] = await aProxiedPair();
    await meet(from, to);
    await eventually(() => from.standing).toEqual([2]);
    const closed = proxy.close();
    await eventually(() => from.broken).toEqual([2, 2]);
    await closed;
    open.splice(open.indexOf(proxy), 1);
    await eventually(() => from.links.probe(2)).toBe("gone");
  });

  test("250 times while the processes live is reported each time, and each time the probe says alive", async () => {
    const from = await anEnd();
    let alive = 0;
    const breakOften = async (raftId: number): Promise<void> => {
      const to = await anEnd({ raftId, credentials: other });
      const proxy = await tcpProxy(to.server.port);
      open.push(proxy);
      from.addrs.set(raftId, proxy.addr);
      const stood = (): number => from.standing.filter((id) => id === raftId).length;
      const seen = (): number => from.broken.filter((id) => id === raftId).length;
      for (let round = 1; round <= 25; round += 1) {
        from.links.send([heartbeatOf(1, raftId, round)]);
        while (rounds(to.received).at(-1) !== round || stood() !== round) await turn();
        proxy.breakAll();
        while (seen() < round || to.broken.length < round) await turn();
        if (round % 5 === 0 && (await from.links.probe(raftId)) === "alive") alive += 1;
      }
      expect([seen(), to.broken.length]).toEqual([25, 25]);
    };
    await Promise.all([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(breakOften));
    expect(alive).toBe(50);
  });

  test("because the other side answers nothing is made anew once it answers again", async () => {
    const [from, to, proxy] = await aProxiedPair();
    proxy.hold(true);
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.unreachable).toEqual([2]);
    proxy.hold(false);
    await eventually(() => {
      from.links.send([heartbeatOf(1, 2, 2)]);
      return rounds(to.received).at(-1);
    }).toBe(2);
  });

  test("by our own will is no break: closed, another address, another certificate", async () => {
    const [from, to, proxy] = await aProxiedPair();
    await meet(from, to);
    from.addrs.set(2, to.server.addr);
    await meet(from, to, 1);
    await eventually(() => proxy.open).toBe(0);
    const before = to.server.server.counts.all;
    from.credentials = await swarm.node(swarm.manager.nodeId, { role: NodeRole.MANAGER });
    await meet(from, to, 2);
    await eventually(() => to.server.server.counts.all).toBe(before);
    await from.links.close();
    await eventually(() => to.server.server.counts.all).toBe(0);
    expect([from.broken, to.broken]).toEqual([[], []]);
  });

  test("because the other side stops is a break here, and none there", async () => {
    const [from, to] = await aPair();
    await meet(from, to);
    await to.close();
    await eventually(() => from.broken[0]).toBe(2);
    expect(to.broken).toEqual([]);
  });
});

describe("what is refused", () => {
  const refusals: readonly {
    readonly title: string;
    readonly message: Message;
    readonly says: RegExp;
    readonly owner?: string;
  }[] = [
    {
      title: "a sender that is another node than its certificate's",
      message: heartbeatOf(1, 2, 1),
      owner: "somebody-else",
      says: /raft member 1 is node somebody-else/,
    },
    { title: "a message to another member", message: heartbeatOf(1, 3, 1), says: /this is raft member 2, not 3/ },
    { title: "a sender that is the receiver", message: heartbeatOf(2, 2, 1), says: /its sender is nobody else/ },
    { title: "no body", message: { from: 1, to: 2, term: 1 }, says: /it has no body/ },
    {
      title: "a snapshot on a link",
      message: { from: 1, to: 2, term: 1, body: { $case: "snapshot", value: { meta: undefined } } },
      says: /a connection of their own/,
    },
    { title: "entries with a gap", message: withEntries([{ index: 3 }, { index: 5 }]), says: /not consecutive/ },
    { title: "entries that do not follow", message: withEntries([{ index: 2 }]), says: /not consecutive/ },
    { title: "terms that go back", message: withEntries([{ index: 3, term: 1 }]), says: /go back, or ahead/ },
    { title: "entries of a later term", message: withEntries([{ index: 3, term: 9 }]), says: /go back, or ahead/ },
  ];

  test.each(refusals)("$title", async ({ message, says, owner }) => {
    const warnings: [string, LogFields | undefined][] = [];
    const log = { ...silentLog, warn: (text: string, fields?: LogFields) => void warnings.push([text, fields]) };
    const [, to] = await aPair({ log });
    const from = await anEnd({ raftId: message.from });
    from.addrs.set(message.to, to.server.addr);
    if (owner !== undefined) to.owners.set(1, owner);
    from.links.send([message]);
    await eventually(() => warnings.length).toBeGreaterThan(0);
    expect(warnings[0]?.[0]).toBe("raft message refused");
    expect(String(warnings[0]?.[1]?.["reason"])).toMatch(says);
    expect(to.received).toEqual([]);
  });

  test("another sender than the one the link began with", async () => {
    const to = await anEnd({ raftId: 2, credentials: other });
    const line = dialLine(
      { protocol: raftProtocol, addr: to.server.addr, credentials: swarm.manager, pingMs: 1_000, pongMs: 1_000 },
      { clock: systemClock },
    );
    const ended: (SwarmError | undefined)[] = [];
    line.start({ message: () => {}, ended: (error) => ended.push(error) });
    for (const from of [1, 3]) {
      line.write(Batch.encode({ from, to: 2, messages: [heartbeatOf(from, 2, from)] }).finish());
    }
    await eventually(() => ended).toMatchObject([
      { kind: "InvalidArgument", message: expect.stringMatching(/a link is of one member/) },
    ]);
    expect(rounds(to.received)).toEqual([1]);
  });

  test("by a member that fails at every message: it is dialled ever more seldom", async () => {
    let steps = 0;
    const step = (): void => {
      steps += 1;
      throw new Error("a bug");
    };
    const [from] = await aPair({ calls: { step } });
    const startedMs = performance.now();
    for (let break_ = 1; break_ <= 5; break_ += 1) {
      from.links.send([heartbeatOf(1, 2, break_)]);
      await eventually(() => from.broken.length).toBe(break_);
    }
    expect(steps).toBe(5);
    // 10 + 20 + 40 + 80 ms, where 10 each are 40.
    expect(performance.now() - startedMs).toBeGreaterThan(145);
  });

  test("a worker", async () => {
    const [, to] = await aPair();
    const from = await anEnd({ credentials: await swarm.node("worker-1") });
    from.addrs.set(2, to.server.addr);
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.unreachable).toEqual([2]);
    expect(to.received).toEqual([]);
  });

  test("who was removed while the link stands", async () => {
    const [from, to] = await aPair();
    await meet(from, to);
    to.server.removed.add(swarm.manager.nodeId);
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.broken[0]).toBe(2);
    expect(rounds(to.received)).toEqual([0]);
  });

  test("a member that was removed for good, which learns just that", async () => {
    const [from, to] = await aPair({ calls: { isRemoved: (raftId) => raftId === 1 } });
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.removedBy[0]).toBe(2);
    expect(to.received).toEqual([]);
  });

  test("anybody, while this manager is no member", async () => {
    const [from, to] = await aPair({ calls: { raftId: undefined } });
    from.links.send([heartbeatOf(1, 2, 1)]);
    await eventually(() => from.unreachable.length).toBeGreaterThan(0);
    expect(to.received).toEqual([]);
  });
});

describe("a probe", () => {
  const ports: readonly {
    readonly says: string;
    readonly title: string;
    readonly serve?: (socket: net.Socket) => void;
  }[] = [
    { says: "alive", title: "a process that lives", serve: () => {} },
    { says: "gone", title: "a port nobody listens on" },
    { says: "gone", title: "a connection reset at once", serve: (socket) => socket.resetAndDestroy() },
    { says: "unknown", title: "a connection closed at once", serve: (socket) => socket.end() },
  ];

  test.each(ports)("of $title says $says", async ({ says, serve }) => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      serve?.(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address() as net.AddressInfo;
    if (serve === undefined) server.close();
    const from = await anEnd();
    from.addrs.set(2, `127.0.0.1:${address.port}`);
    expect(await from.links.probe(2)).toBe(says);
    server.close();
  });

  test("of a member whose address nobody knows says unknown", async () => {
    const from = await anEnd();
    expect(await from.links.probe(2)).toBe("unknown");
  });
});

function withEntries(entries: readonly { readonly index: number; readonly term?: number }[]): Message {
  const full = entries.map(({ index, term = 2 }) => ({ index, term, kind: 0 as const, data: Buffer.from("x") }));
  const append = { prevIndex: 2, prevTerm: 2, entries: full, commit: 0 };
  return { from: 1, to: 2, term: 3, body: { $case: "append", value: append } };
}
