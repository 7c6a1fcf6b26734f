import { once, setMaxListeners } from "node:events";
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { Client, credentials as channelCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { placesMax } from "../../src/rpc/handshakes.js";
import {
  type Credentials,
  defineBinding,
  fetchRoot,
  issueCertificate,
  managersOnly,
  openSession,
  type SessionStream,
} from "../../src/rpc/index.js";
import { pki, sourceOf, type TestSource, type TestSwarm, testSwarm } from "../support/pki.js";
import { heartbeat, type TestServer, testServer } from "../support/rpc.js";

const dayMs = 24 * 3_600_000;
const signal = new AbortController().signal;
setMaxListeners(500, signal);

/** A service only managers may call: the shape Raft's messages will have. */
const echoService = {
  say: {
    path: "/test.ManagersOnly/Say",
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  },
} as const;

let swarm: TestSwarm;
let other: TestSwarm;
let worker: Credentials;
let identity: TestSource;
let server: TestServer;

beforeAll(async () => {
  [swarm, other] = await Promise.all([testSwarm(), testSwarm()]);
  worker = await swarm.node("worker-1");
  identity = sourceOf(swarm.manager);
  const say = (call: { request: Buffer }, answer: (error: null, value: Buffer) => void): void =>
    answer(null, call.request);
  server = await testServer({
    identity,
    leader: { ca: { issue: async () => ({ ...empty, nodeId: "issued" }) } },
    bindings: [defineBinding(echoService, { say: managersOnly }, { say } as never)],
    handshakeMs: 300,
    strangerMs: 1_000,
  });
});
afterAll(() => server.close());

const empty = {
  nodeId: "",
  clusterId: "",
  role: NodeRole.WORKER,
  certificate: "",
  rootCertificate: "",
  notAfter: undefined,
};
const request = {
  csr: "",
  joinToken: "",
  availability: 0,
  hostname: "",
  expiredCertificate: "",
  expiredProof: Buffer.alloc(0),
} as const;

describe("a session is for members", () => {
  test("a worker's certificate opens one, and messages go both ways", async () => {
    const session = await open(worker);
    await session.send(heartbeat(7));
    for await (const { message } of session.messages) {
      expect(message).toEqual({ $case: "heartbeat", value: { number: 7 } });
      break;
    }
    await session.close();
  });

  test("a manager's certificate opens one", async () => {
    await (await open(swarm.manager)).close();
  });

  const refused: readonly { title: string; who: () => Promise<Credentials>; says: string | RegExp }[] = [
    {
      title: "another swarm's certificate authority",
      who: async () => ({ ...(await other.node("worker-1")), root: swarm.manager.root }),
      says: /^Permission denied: the certificate is not of this swarm \(UNABLE_TO_.*\)$/,
    },
    {
      title: "an expired certificate",
      who: () => swarm.node("worker-2", { issuedMs: -2 * dayMs }),
      says: "Permission denied: the certificate has expired",
    },
    {
      title: "a certificate from the future",
      who: () => swarm.node("worker-2", { issuedMs: 2 * dayMs }),
      says: "Permission denied: the certificate is not valid yet: compare the clocks",
    },
    {
      title: "a certificate of our authority for another swarm",
      who: () => swarm.node("worker-3", { clusterId: "elsewhere" }),
      says: /^Permission denied: the certificate is of swarm elsewhere, this is swarm [0-9a-z]{25}$/,
    },
    {
      title: "a certificate signed by a node's key",
      who: async () => {
        const fake = await pki.createRequest();
        const issuer = { certificate: worker.certificate, key: worker.key };
        const { certificate } = await pki.issue(issuer, fake.csr, {
          organization: swarm.cluster.clusterId,
          organizationalUnit: "swarm-manager",
          commonName: "mallory",
          dnsNames: ["swarm-manager"],
          notBeforeMs: Date.now() - 1000,
          notAfterMs: Date.now() + dayMs,
        });
        return { ...worker, key: fake.key, certificate: `${certificate}${worker.certificate}` };
      },
      says: /^Permission denied: the certificate is not of this swarm \(.*\)$/,
    },
  ];

  test.each(refused)("$title is refused", async ({ who, says }) => {
    await expect(who().then(open)).rejects.toThrow(says);
  });

  test("no certificate is refused", async () => {
    expect(await say({ root: swarm.manager.root }, "/skep.v1.Dispatcher/Session")).toEqual({
      code: status.PERMISSION_DENIED,
      details: "Permission denied: this call needs a certificate of the swarm",
    });
  });
});

describe("a method only managers may call", () => {
  test("answers a manager", async () => {
    expect(await say(swarm.manager)).toBe("hello");
  });

  test("refuses a worker", async () => {
    expect(await say(worker)).toEqual({
      code: status.PERMISSION_DENIED,
      details: "Permission denied: this call is for manager certificates, node worker-1 has a worker certificate",
    });
  });

  test("refuses a caller without a certificate", async () => {
    expect(await say({ root: swarm.manager.root })).toEqual({
      code: status.PERMISSION_DENIED,
      details: "Permission denied: this call needs a certificate of the swarm",
    });
  });

  test("that nobody bound is not there", async () => {
    expect(await say(swarm.manager, "/skep.v1.Nothing/Here")).toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

describe("a joiner", () => {
  test("gets the root unverified, and calls Issue once it trusts it", async () => {
    expect(await fetchRoot(server.addr, signal)).toBe(swarm.cluster.rootCa.certificate);
    const issued = await issueCertificate(server.addr, { root: swarm.cluster.rootCa.certificate }, request, signal);
    expect(issued.nodeId).toBe("issued");
  });

  test("that trusts another root is told so", async () => {
    await expect(
      issueCertificate(server.addr, { root: other.cluster.rootCa.certificate }, request, signal),
    ).rejects.toThrow(
      `${server.addr} belongs to another swarm: its certificate is not of this swarm's certificate authority`,
    );
  });

  test("may call ten times a second, then is told to wait", async () => {
    const calls = await Promise.allSettled(Array.from({ length: 30 }, () => fetchRoot(server.addr, signal)));
    const refused = calls.filter((call) => call.status === "rejected").map((call) => String(call.reason));
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(new Set(refused)).toEqual(new Set(["SwarmError: too many calls from 127.0.0.1: try again in a second"]));
    expect(await say(swarm.manager)).toBe("hello");
  });

  test("is disconnected when its time is over", async () => {
    const socket = await secure({ ALPNProtocols: ["h2"] });
    await closes(socket);
  });

  test("may send 64 kB and no more", async () => {
    const csr = "x".repeat(64 * 1024);
    const trust = { root: swarm.cluster.rootCa.certificate };
    await expect(issueCertificate(server.addr, trust, { ...request, csr }, signal)).rejects.toThrow(
      /^Received message larger than max/,
    );
  });
});

describe("a removed node", () => {
  test("is let in to hear that, and nothing else", async () => {
    const removed = await swarm.node("removed-1");
    server.removed.add("removed-1");
    const session = await open(removed);
    const said = [];
    for await (const { message } of session.messages) said.push(message);
    expect(said).toEqual([
      {
        $case: "refusal",
        value: { kind: 2, message: "Permission denied: node removed-1 was removed from swarm", leaderAddr: "" },
      },
    ]);
    await expect(session.send(heartbeat(1))).rejects.toThrow("was removed from swarm");
    expect(await say(removed, "/skep.v1.Ca/GetRoot")).toMatchObject({ code: status.PERMISSION_DENIED });
  });

  test("loses the session it has at its next message", async () => {
    const session = await open(await swarm.node("removed-2"));
    await session.send(heartbeat(1));
    const messages = session.messages[Symbol.asyncIterator]();
    await messages.next();
    server.removed.add("removed-2");
    await session.send(heartbeat(2));
    expect((await messages.next()).value).toMatchObject({ message: { $case: "refusal", value: { kind: 2 } } });
    expect((await messages.next()).done).toBe(true);
  });
});

describe("what is no gRPC over TLS", () => {
  test("garbage bytes are answered by closing", async () => {
    await closes(
      connect().on("connect", function (this: net.Socket) {
        this.write("\0\xff GARBAGE \r\n\r\n".repeat(100));
      }),
    );
  });

  test("plain HTTP is answered by closing", async () => {
    const failed = new Promise((resolve) => http.get(`http://${server.addr}/v1.41/info`).on("error", resolve));
    expect(await failed).toMatchObject({ code: expect.stringMatching(/ECONNRESET|HPE_/) });
  });

  test("TLS without ALPN is closed", async () => {
    await closes(await secure({}));
  });

  test("TLS for another protocol is refused in the handshake", async () => {
    await expect(secure({ ALPNProtocols: ["http/1.1"] })).rejects.toThrow(/no application protocol/i);
  });

  test("TLS 1.1 is refused", async () => {
    await expect(secure({ ALPNProtocols: ["h2"], minVersion: "TLSv1", maxVersion: "TLSv1.1" })).rejects.toThrow();
  });

  test("a connection that says nothing is closed when its handshake is due", async () => {
    await closes(connect());
  });

  test("bytes that trickle do not buy more time", async () => {
    const socket = connect();
    const trickle = setInterval(() => socket.write("\x16"), 50);
    await closes(socket);
    clearInterval(trickle);
  });

  test("more words than a hello has are answered by closing, before its turn", async () => {
    const crowd = Array.from({ length: placesMax }, () => connect().on("connect", sayHello));
    await Promise.all(crowd.map((socket) => once(socket, "connect")));
    const socket = connect().on("connect", function (this: net.Socket) {
      this.write("x".repeat(17 * 1024));
    });
    await closes(socket);
    await Promise.all(crowd.map(closes));
  });

  test("two hundred idle connections hinder nobody, and are closed in time", async () => {
    const sockets = Array.from({ length: 200 }, connect);
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    expect(await say(swarm.manager)).toBe("hello");
    await Promise.all(sockets.map(closes));
  });

  test("two hundred sessions that are opened at once from one address all are", async () => {
    const sessions = await Promise.all(Array.from({ length: 200 }, () => open(worker)));
    await Promise.all(sessions.map((session) => session.close()));
  });

  test("leaves nothing behind", async () => {
    await expect.poll(() => server.server.counts, { timeout: 5_000 }).toEqual({ handshakes: 0, strangers: 0, all: 0 });
  });
});

describe("the server's certificate", () => {
  test("is swapped while it serves: a session lives on, a new one sees the new certificate", async () => {
    const session = await open(worker);
    const fresh = await swarm.node(swarm.manager.nodeId, { role: NodeRole.MANAGER });
    identity.swap(fresh);
    await session.send(heartbeat(1));
    for await (const _ of session.messages) break;
    await session.close();
    const socket = await secure({ ALPNProtocols: ["h2"] });
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint(fresh.certificate));
    socket.destroy();
  });

  test("that has expired is named by the client", async () => {
    identity.swap(await swarm.node(swarm.manager.nodeId, { role: NodeRole.MANAGER, issuedMs: -2 * dayMs }));
    await expect(open(worker)).rejects.toThrow(`the certificate of the manager at ${server.addr} has expired`);
    identity.swap(worker);
    await expect(open(swarm.manager)).rejects.toThrow(
      `${server.addr} is not a manager of this swarm: its certificate does not say so`,
    );
    identity.swap(swarm.manager);
  });
});

function open(credentials: Credentials): Promise<SessionStream> {
  return openSession({ addr: server.addr, credentials }, { clock: systemClock, signal });
}

/** One raw unary call: "hello" back, or its failure. */
function say(as: Credentials | { root: string }, path: string = echoService.say.path): Promise<unknown> {
  const trust =
    "key" in as
      ? channelCredentials.createSsl(Buffer.from(as.root), Buffer.from(as.key), Buffer.from(as.certificate))
      : channelCredentials.createSsl(Buffer.from(as.root));
  const client = new Client(server.addr, trust, { "grpc.ssl_target_name_override": "swarm-manager" });
  const { requestSerialize, responseDeserialize } = echoService.say;
  return new Promise((resolve) => {
    const done = (error: ServiceError | null, value?: Buffer): void => {
      client.close();
      resolve(error ? { code: error.code, details: error.details } : String(value));
    };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.from("hello"), done);
  });
}

/** A whole record, with the beginning of a ClientHello that never goes on. */
function sayHello(this: net.Socket): void {
  this.write(Buffer.from("160301000401000100", "hex"));
}

function connect(): net.Socket {
  return net.connect(server.port, "127.0.0.1").on("error", () => {});
}

async function closes(socket: net.Socket): Promise<void> {
  if (!socket.destroyed) await once(socket.resume(), "close");
}

async function secure(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  return socket.on("error", () => {});
}

function fingerprint(certificate: string): string {
  const hex = pki.inspect(certificate, swarm.cluster.rootCa.certificate).fingerprint.toUpperCase();
  return (hex.match(/../g) ?? []).join(":");
}
