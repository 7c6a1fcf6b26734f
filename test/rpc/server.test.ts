import { once, setMaxListeners } from "node:events";
import net from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import {
  type AgentMessage,
  EngineHealth,
  GoodbyeReason,
  type ManagerMessage,
  SessionState,
} from "../../src/gen/skep/v1/dispatcher.js";
import {
  type Credentials,
  fetchRoot,
  issueCertificate,
  NotTheLeader,
  openSession,
  type SessionPeer,
  type SessionStream,
} from "../../src/rpc/index.js";
import { VirtualClock } from "../../src/sim/index.js";
import { sourceOf, type TestSwarm, testSwarm } from "../support/pki.js";
import { echo, heartbeat, type TestServer, testServer } from "../support/rpc.js";

let swarm: TestSwarm;
let worker: Credentials;
const open: { close(): unknown }[] = [];
const signal = new AbortController().signal;
setMaxListeners(100, signal);

beforeAll(async () => {
  swarm = await testSwarm();
  worker = await swarm.node("worker-1");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

describe("a session", () => {
  test("tells the dispatcher whose it is, by the certificate", async () => {
    const peers: SessionPeer[] = [];
    const server = await serve(async function* (peer, incoming) {
      peers.push(peer);
      yield* echo(peer, incoming);
    });
    const session = await dial(server);
    await session.send(heartbeat(1));
    await first(session);
    expect(peers).toEqual([{ nodeId: "worker-1", role: worker.role, address: "127.0.0.1" }]);
  });

  test("carries many messages in order", async () => {
    const session = await dial(await serve(echo));
    const count = 500;
    const sending = (async () => {
      for (let number = 1; number <= count; number += 1) await session.send(heartbeat(number));
    })();
    const numbers: number[] = [];
    for await (const { message } of session.messages) {
      if (message?.$case === "heartbeat") numbers.push(message.value.number);
      if (numbers.length === count) break;
    }
    await sending;
    expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });

  test("holds a manager back that writes more than the agent reads", async () => {
    let written = 0;
    const server = await serve(async function* () {
      for (;;) {
        yield large(written);
        written += 1;
      }
    });
    const session = await dial(server);
    await first(session);
    await settled(() => written);
    expect(written).toBeLessThan(500);
  });

  test("holds an agent back that sends more than the manager reads", async () => {
    const server = await serve(async function* (_peer, _incoming, ended) {
      yield large(0);
      await once(ended, "abort");
    });
    const session = await dial(server);
    let sent = 0;
    void (async () => {
      for (;;) {
        await session.send(largeReport());
        sent += 1;
      }
    })().catch(() => {});
    await settled(() => sent);
    expect(sent).toBeLessThan(500);
  });

  test("ends when the dispatcher ends it", async () => {
    const session = await dial(
      await serve(async function* () {
        yield large(0);
      }),
    );
    const messages = [];
    for await (const message of session.messages) messages.push(message);
    expect(messages).toHaveLength(1);
  });

  test("that fails in the dispatcher says nothing of the inside", async () => {
    const session = await dial(
      await serve(async function* () {
        yield large(0);
        throw new Error("secret detail");
      }),
    );
    await expect(drain(session)).rejects.toThrow("internal error: the manager's log says more");
  });

  test("tells the dispatcher when the agent is gone", async () => {
    const reasons: unknown[] = [];
    const server = await serve(async function* (_peer, _incoming, ended) {
      ended.addEventListener("abort", () => reasons.push(ended.reason));
      yield large(0);
      await new Promise(() => {});
    });
    const stop = new AbortController();
    const session = await openSession(
      { addr: server.addr, credentials: worker },
      { clock: systemClock, signal: stop.signal },
    );
    await first(session);
    stop.abort(new Error("killed"));
    await expect.poll(() => reasons.map(String)).toEqual(["SwarmError: the other side is gone"]);
    await expect(session.send(heartbeat(1))).rejects.toThrow("killed");
  });

  test("that is closed delivers what was sent last", async () => {
    const heard: string[] = [];
    const server = await serve(async function* (_peer, incoming) {
      yield large(0);
      for await (const { message } of incoming) heard.push(message?.$case ?? "");
    });
    const session = await dial(server);
    await session.send(heartbeat(1));
    await session.send({ message: { $case: "goodbye", value: { reason: GoodbyeReason.LEAVE } } });
    await session.close();
    expect(heard).toEqual(["heartbeat", "goodbye"]);
    await expect(session.send(heartbeat(2))).rejects.toThrow("the session was closed");
  });

  test("ends with the signal it was opened with", async () => {
    const stop = new AbortController();
    const server = await serve(echo);
    const session = await openSession(
      { addr: server.addr, credentials: worker },
      { clock: systemClock, signal: stop.signal },
    );
    stop.abort(new Error("enough"));
    await expect(drain(session)).rejects.toThrow("enough");
  });

  test("with a manager that does not lead gets the leader's address", async () => {
    const server = await testServer({ identity: sourceOf(swarm.manager), leaderAddr: "10.0.0.2:2377" });
    open.push(server);
    const refusal = await dial(server).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NotTheLeader);
    expect(refusal).toMatchObject({ leaderAddr: "10.0.0.2:2377" });
  });
});

describe("a certificate", () => {
  test("is asked of the leader when another manager was asked", async () => {
    const issued = {
      nodeId: "n",
      clusterId: "c",
      role: 0,
      certificate: "",
      rootCertificate: "",
      notAfter: undefined,
    } as const;
    const leader = await testServer({
      identity: sourceOf(swarm.manager),
      leader: { ca: { issue: async ({ nodeId }) => ({ ...issued, nodeId: nodeId ?? "" }) } },
    });
    const follower = await testServer({ identity: sourceOf(swarm.manager), leaderAddr: leader.addr });
    open.push(leader, follower);
    const answer = await issueCertificate(follower.addr, { as: worker }, request, signal);
    expect(answer.nodeId).toBe("worker-1");
  });

  test("that no manager leads for is an error, not a loop", async () => {
    const follower = await testServer({ identity: sourceOf(swarm.manager), leaderAddr: "127.0.0.1:1" });
    open.push(follower);
    await expect(issueCertificate(follower.addr, { as: worker }, request, signal)).rejects.toThrow(
      "cannot reach 127.0.0.1:1: connection refused",
    );
  });
});

describe("a server that stops", () => {
  test("ends its sessions, says why, and frees the port at once", async () => {
    const server = await serve(echo);
    const session = await dial(server);
    const ended = drain(session);
    await Promise.all([server.close(), expect(ended).rejects.toThrow("the manager is stopping")]);
    const again = await testServer({ identity: sourceOf(swarm.manager), port: server.port });
    open.push(again);
    expect(again.port).toBe(server.port);
  });

  test("ends a session in the middle of its messages at once, from both sides", async () => {
    const server = await serve(echo);
    const session = await dial(server);
    for (let number = 0; number < 50; number += 1) await session.send(heartbeat(number));
    let read = 0;
    for await (const _ of session.messages) {
      read += 1;
      if (read === 50) break;
    }
    const started = performance.now();
    await Promise.all([session.close(), server.close()]);
    expect(performance.now() - started).toBeLessThan(800);
  });

  test("does not wait for a dispatcher that hangs", async () => {
    const server = await serve(async function* () {
      yield large(0);
      await new Promise(() => {});
    });
    await first(await dial(server));
    await server.close();
    expect(server.server.counts.all).toBe(0);
  });
});

describe("a port that cannot be had", () => {
  test("in use", async () => {
    const { port } = await serve(echo);
    await expect(testServer({ identity: sourceOf(swarm.manager), port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process uses this address; end it or choose another with --listen-addr`,
    );
  });

  test("of another machine", async () => {
    await expect(testServer({ identity: sourceOf(swarm.manager), host: "192.0.2.1" })).rejects.toThrow(
      "cannot listen on 192.0.2.1:0: this machine does not have this address; choose another with --listen-addr",
    );
  });
});

describe("dialling", () => {
  test("a port nobody listens on", async () => {
    await expect(fetchRoot("127.0.0.1:1", signal)).rejects.toThrow("cannot reach 127.0.0.1:1: connection refused");
  });

  test("a host nobody knows", async () => {
    await expect(fetchRoot("no-such-host.invalid", signal)).rejects.toThrow(
      "cannot reach no-such-host.invalid: no such host",
    );
  });

  test("a port that speaks something else", async () => {
    const addr = await plainServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await expect(fetchRoot(addr, signal)).rejects.toThrow(
      `${addr} is not the port of a swarm manager: it does not speak gRPC over TLS`,
    );
  });

  test("a port that hangs up", async () => {
    const addr = await plainServer((socket) => socket.destroy());
    await expect(fetchRoot(addr, signal)).rejects.toThrow(`${addr} closed the connection`);
  });

  test("a port that stays silent is given up after 10 s", async () => {
    const clock = new VirtualClock();
    const addr = await plainServer(() => {});
    const opening = openSession({ addr, credentials: worker }, { clock, signal });
    const refused = expect(opening).rejects.toThrow(`${addr} did not answer within 10 s`);
    await clock.advance(10_000);
    await refused;
  });

  test("is given up when asked", async () => {
    const addr = await plainServer(() => {});
    const stop = new AbortController();
    const call = fetchRoot(addr, stop.signal);
    stop.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow("changed my mind");
  });
});

const request = {
  csr: "",
  joinToken: "",
  availability: 0,
  hostname: "",
  expiredCertificate: "",
  expiredProof: Buffer.alloc(0),
} as const;

type Session = (
  peer: SessionPeer,
  incoming: AsyncIterable<AgentMessage>,
  signal: AbortSignal,
) => AsyncGenerator<ManagerMessage, void, void>;

async function serve(session: Session): Promise<TestServer> {
  const server = await testServer({ identity: sourceOf(swarm.manager), leader: { dispatcher: { session } } });
  open.push(server);
  return server;
}

async function dial(server: TestServer): Promise<SessionStream> {
  const session = await openSession({ addr: server.addr, credentials: worker }, { clock: systemClock, signal });
  open.unshift(session);
  return session;
}

async function plainServer(onConnection: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  const bound = server.address();
  return `127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`;
}

function large(number: number): ManagerMessage {
  const managers = [{ nodeId: "x".repeat(10_000), addr: String(number) }];
  return { message: { $case: "state", value: { ...SessionState.fromPartial({}), managers } } };
}

function largeReport(): AgentMessage {
  return { message: { $case: "engine", value: EngineHealth.fromPartial({ error: "x".repeat(10_000) }) } };
}

async function first(session: SessionStream): Promise<void> {
  for await (const _ of session.messages) return;
}

async function drain(session: SessionStream): Promise<void> {
  for await (const _ of session.messages) continue;
}

/** Resolves once the number stopped growing. */
async function settled(number: () => number): Promise<void> {
  for (let last = -1; last !== number(); ) {
    last = number();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
