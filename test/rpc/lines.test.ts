// Lines over TLS on loopback: who is let in, who is not and learns why, and what ends with the server.

import { once, setMaxListeners } from "node:events";
import tls from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { type LogFields, type SwarmError, silentLog } from "../../src/base/index.js";
import { ForwardService } from "../../src/gen/skep/v1/forward_service.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { defineBinding } from "../../src/rpc/binding.js";
import { type Credentials, fetchRoot, managersOnly, NodeRemoved } from "../../src/rpc/index.js";
import { Line } from "../../src/rpc/line.js";
import { dialLine } from "../../src/rpc/line-dial.js";
import { sourceOf, type TestSwarm, testSwarm } from "../support/pki.js";
import { type TestServer, type TestServerOptions, testServer } from "../support/rpc.js";

const protocol = "skep-echo/1";
const bounds = { pingMs: 10_000, pongMs: 10_000 };
const signal = new AbortController().signal;

let swarm: TestSwarm;
let manager: Credentials;
const open: { close(): unknown }[] = [];

beforeAll(async () => {
  swarm = await testSwarm();
  manager = await swarm.node("manager-2", { role: NodeRole.MANAGER });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** Says everything back. */
async function aServer(options: Partial<TestServerOptions> = {}): Promise<TestServer> {
  const echo = defineBinding(
    ForwardService,
    { ask: managersOnly },
    { ask: () => {} },
    {
      protocol,
      access: managersOnly,
      serve: (line, { closing }) => {
        setMaxListeners(100, closing);
        closing.addEventListener("abort", () => line.end({ code: 14, details: "the manager is stopping" }));
        line.open();
        return { message: (bytes) => line.write(bytes), ended: () => {} };
      },
    },
  );
  const server = await testServer({ identity: sourceOf(swarm.manager), bindings: [echo], ...options });
  open.push(server);
  return server;
}

interface Caller {
  readonly line: Line;
  readonly heard: string[];
  isIn: boolean;
  /** Why it is over; undefined: in good order. */
  readonly over: Promise<SwarmError | undefined>;
}

function callerOn(line: Line): Caller {
  open.push({ close: () => line.destroy(new Error("the test is over")) });
  const heard: string[] = [];
  const over = new Promise<SwarmError | undefined>((ended) => {
    line.start({
      message: (bytes) => heard.push(String(bytes)),
      opened: () => {
        caller.isIn = true;
      },
      ended,
    });
  });
  const caller: Caller = { line, heard, isIn: false, over };
  return caller;
}

function call(addr: string, credentials: Credentials, spoken = protocol): Caller {
  return callerOn(dialLine({ protocol: spoken, addr, credentials, ...bounds }, { clock: systemClock }));
}

/** Without a certificate. */
function callAsStranger({ addr, port }: { readonly addr: string; readonly port: number }): Caller {
  const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: [protocol] });
  return callerOn(new Line({ socket, addr, ...bounds }, { clock: systemClock }));
}

async function said(caller: Caller, text: string): Promise<void> {
  caller.line.write(Buffer.from(text));
  await expect.poll(() => caller.heard.at(-1)).toBe(text);
}

describe("a line to a manager", () => {
  test("carries what managers say, beside gRPC on the same port", async () => {
    const server = await aServer();
    const caller = call(server.addr, manager);
    await said(caller, "hello");
    expect(caller.isIn).toBe(true);
    expect(await fetchRoot(server.addr, signal)).toBe(swarm.cluster.rootCa.certificate);
    await said(caller, "x".repeat(300_000));
    caller.line.end();
    expect(await caller.over).toBeUndefined();
    await expect.poll(() => server.server.counts.all).toBe(0);
  });

  const foreign = async (): Promise<Credentials> => ({ ...(await testSwarm()).manager, root: manager.root });
  test.each<readonly [string, () => Promise<Credentials>, RegExp]>([
    ["a worker", () => swarm.node("worker-1"), /this call is for manager certificates, node worker-1 has a worker/],
    ["a manager of another swarm", foreign, /the certificate is not of this swarm/],
    [
      "a manager that names another swarm",
      () => swarm.node("m", { role: NodeRole.MANAGER, clusterId: "other" }),
      /the certificate is of swarm other, this is swarm /,
    ],
    [
      "a manager whose certificate has run out",
      () => swarm.node("m", { role: NodeRole.MANAGER, issuedMs: -3 * 86_400_000 }),
      /the certificate has expired/,
    ],
  ])("refuses %s, and says why", async (_, credentials, why) => {
    const { addr } = await aServer();
    const caller = call(addr, await credentials());
    caller.line.write(Buffer.from("let me in"));
    expect(await caller.over).toMatchObject({ kind: "PermissionDenied", message: expect.stringMatching(why) });
    expect([caller.isIn, caller.heard]).toEqual([false, []]);
  });

  test("refuses strangers, and its log is not theirs to fill", async () => {
    const warned: (LogFields | undefined)[] = [];
    const log = { ...silentLog, warn: (_: string, fields?: LogFields) => void warned.push(fields) };
    const server = await aServer({ log });
    for (let round = 0; round < 5; round += 1) {
      expect(await callAsStranger(server).over).toMatchObject({
        kind: "PermissionDenied",
        message: "Permission denied: this call needs a certificate of the swarm",
      });
    }
    expect(warned).toMatchObject([{ method: protocol, address: "127.0.0.1" }]);
  });

  test("refuses who was removed, and they learn that it is for that", async () => {
    const { addr, removed } = await aServer();
    removed.add("manager-2");
    const reason = await call(addr, manager).over;
    expect(reason).toBeInstanceOf(NodeRemoved);
    expect(reason?.message).toBe("Permission denied: node manager-2 was removed from swarm");
  });

  test("hears nothing more of who is removed meanwhile", async () => {
    const { addr, removed } = await aServer();
    const caller = call(addr, manager);
    await said(caller, "one");
    removed.add("manager-2");
    caller.line.write(Buffer.from("two"));
    expect(await caller.over).toBeInstanceOf(NodeRemoved);
    expect(caller.heard).toEqual(["one"]);
  });

  test("of a protocol nobody serves there says what to look at", async () => {
    const { addr } = await aServer();
    const reason = await call(addr, manager, "skep-echo/2").over;
    expect(reason?.message).toBe(
      `${addr} does not speak what this version of Skep speaks: is it a manager's port, and what version runs there?`,
    );
  });

  test("gives its oldest connections up when a node has too many", async () => {
    const server = await aServer();
    const callers: Caller[] = [];
    for (let number = 0; number < 18; number += 1) {
      const caller = call(server.addr, manager);
      await said(caller, `${number}`);
      callers.push(caller);
    }
    const [first, second, third] = callers;
    for (const each of [first, second]) expect(await each?.over).toMatchObject({ kind: "ResourceExhausted" });
    if (third) await said(third, "third");
    const other = call(server.addr, await swarm.node("manager-3", { role: NodeRole.MANAGER }));
    await said(other, "of another node");
    await expect.poll(() => server.server.counts.all).toBe(17);
  });
});

describe("the server's close", () => {
  test("tells everybody why, and leaves no connection", async () => {
    const server = await aServer();
    const callers = [1, 2, 3].map(() => call(server.addr, manager));
    for (const caller of callers) await said(caller, "hello");
    await server.close();
    for (const { over } of callers) {
      expect(await over).toMatchObject({ kind: "Unavailable", message: "the manager is stopping" });
    }
    expect(server.server.counts.all).toBe(0);
  });

  test("waits for nobody who does not read and never closes", async () => {
    const server = await aServer();
    const { root: ca, certificate: cert, key } = manager;
    const socket = tls.connect({
      ...{ port: server.port, host: "127.0.0.1", ca, cert, key, allowHalfOpen: true },
      ...{ servername: "swarm-manager", ALPNProtocols: [protocol] },
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    open.push({ close: () => socket.destroy() });
    await expect.poll(() => server.server.counts.all - server.server.counts.handshakes).toBe(1);
    await server.close();
    expect(server.server.counts.all).toBe(0);
  });
});

describe("a dial", () => {
  test.each<readonly [string, () => Promise<Credentials>, RegExp]>([
    ["another swarm's manager", async () => (await testSwarm()).manager, /belongs to another swarm/],
    ["a worker's port", () => swarm.node("worker-1"), /is not a manager of this swarm/],
  ])("says nothing to %s", async (_, credentials, why) => {
    const { certificate: cert, key, root: ca } = await credentials();
    let heard = 0;
    const server = tls.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false });
    server.on("secureConnection", (socket) => {
      socket
        .on("error", () => {})
        .on("data", ({ length }) => {
          heard += length;
        });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push({ close: () => server.close() });
    const bound = server.address();
    const caller = call(`127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`, manager);
    caller.line.write(Buffer.from("a registry's password"));
    expect(await caller.over).toMatchObject({ kind: "Unavailable", message: expect.stringMatching(why) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toBe(0);
  });

  test("to nobody fails at once, once", async () => {
    const server = await aServer();
    const { addr } = server;
    await server.close();
    expect(await call(addr, manager).over).toMatchObject({
      message: `cannot reach ${addr}: connection refused; is it a manager's address, and does Skep run?`,
    });
  });

  test.each(["", "http://x", "10.0.0.1:99999"])("of an address that is none throws: %j", (addr) => {
    expect(() => dialLine({ protocol, addr, credentials: manager, ...bounds }, { clock: systemClock })).toThrow(
      "invalid address",
    );
  });
});
