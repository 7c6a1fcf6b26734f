// Requests on their way to the leader over real connections: what arrives, what comes back, and what ends when either side
// goes away.

import { once, setMaxListeners } from "node:events";
import { connect } from "node:net";
import { duplexPair } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { Ending, silentLog } from "../../src/base/index.js";
import {
  ForwardedAnswers,
  ForwardedRequests,
  type NumberedAnswer,
  type NumberedRequest,
} from "../../src/gen/skep/v1/forward.js";
import { ForwardClient } from "../../src/gen/skep/v1/forward_service.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { clientTo } from "../../src/rpc/dial.js";
import { requestsProtocol } from "../../src/rpc/forward-exchange.js";
import { answerExchange } from "../../src/rpc/forward-exchange-binding.js";
import {
  type Credentials,
  type ForwardAnswer,
  type ForwardHandler,
  type ForwardRequest,
  forwardBinding,
  LeaderLink,
  NotTheLeader,
} from "../../src/rpc/index.js";
import { Line } from "../../src/rpc/line.js";
import { VirtualClock } from "../../src/sim/index.js";
import { sourceOf, type TestSwarm, testSwarm } from "../support/pki.js";
import { type TestServer, testServer } from "../support/rpc.js";

const mebibyte = 1024 * 1024;

let swarm: TestSwarm;
let manager: Credentials;
let other: Credentials;
const open: { close(): unknown }[] = [];
const forever = new Ending();
const isWorker = (nodeId: string): boolean => nodeId === "demoted";
setMaxListeners(1_000);

beforeAll(async () => {
  swarm = await testSwarm();
  manager = await swarm.node("manager-1", { role: NodeRole.MANAGER });
  other = await swarm.node("manager-2", { role: NodeRole.MANAGER });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function serve(handle: ForwardHandler, leaderAddr = ""): Promise<TestServer> {
  const bindings = [forwardBinding({ handle, leaderAddr: () => leaderAddr, isWorker }, silentLog)];
  const server = await testServer({ identity: sourceOf(manager), bindings });
  open.push(server);
  return server;
}

function link(credentials: () => Credentials = () => other): LeaderLink {
  const made = new LeaderLink({}, { credentials, clock: systemClock, log: silentLog });
  open.push(made);
  return made;
}

const request = (more: Partial<ForwardRequest> = {}): ForwardRequest => ({
  ...{ id: "r1", method: "POST", path: "/v1.41/services/create", query: "a=b&c=%20" },
  headers: { "content-type": "application/json", "x-registry-auth": "e30=", absent: undefined },
  body: Buffer.from("{}"),
  ...more,
});

const whole = (text: string | Uint8Array, status = 200): ForwardAnswer => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: { kind: "bytes", bytes: typeof text === "string" ? Buffer.from(text) : text },
});

async function bytesOf({ body }: ForwardAnswer): Promise<Buffer> {
  if (body.kind === "bytes") return Buffer.from(body.bytes);
  if (body.kind === "pieces") return Buffer.concat([...body.pieces]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a request", () => {
  test("arrives as it was, and the answer comes back as it was", async () => {
    const seen: ForwardRequest[] = [];
    const { addr } = await serve(async (asked) => {
      seen.push(asked);
      return whole('{"ID":"x"}\n', 201);
    });
    const answer = await link().forward(addr, request(), forever);
    expect(seen).toEqual([
      { ...request(), headers: { "content-type": "application/json", "x-registry-auth": "e30=" } },
    ]);
    expect(answer).toEqual(whole('{"ID":"x"}\n', 201));
  });

  test.each([0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 4 * mebibyte])(
    "of %d bytes arrives whole, and an answer as long comes back whole",
    async (length) => {
      const body = Buffer.alloc(length, "abcdefg");
      const { addr } = await serve(async (asked) => whole(asked.body));
      expect((await bytesOf(await link().forward(addr, request({ body }), forever))).equals(body)).toBe(true);
    },
  );

  test("that is too long is refused, with how long it may be", async () => {
    const { addr } = await serve(async () => whole("no"));
    const body = Buffer.alloc(4 * mebibyte + 1);
    await expect(link().forward(addr, request({ body }), forever)).rejects.toMatchObject({
      kind: "ResourceExhausted",
      message: expect.stringContaining(String(4 * mebibyte)),
    });
  });

  test("many at once use one connection", async () => {
    const { addr, server } = await serve(async (asked) => whole(asked.id));
    const shared = link();
    const ids = Array.from({ length: 200 }, (_, at) => `r${at}`);
    const answers = await Promise.all(ids.map((id) => shared.forward(addr, request({ id }), forever).then(bytesOf)));
    expect(answers.map(String)).toEqual(ids);
    expect(server.counts.all).toBe(1);
  });

  test("of new credentials makes a new connection, and lets the old calls end", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { addr } = await serve(async (asked) => {
      if (asked.id === "slow") await held;
      return whole(asked.id);
    });
    let credentials = other;
    const shared = link(() => credentials);
    const slow = shared.forward(addr, request({ id: "slow" }), forever);
    await shared.forward(addr, request(), forever);
    credentials = { ...other };
    expect(String(await bytesOf(await shared.forward(addr, request({ id: "new" }), forever)))).toBe("new");
    release();
    expect(String(await bytesOf(await slow))).toBe("slow");
  });
});

describe("nobody but managers", () => {
  test("a worker's request is refused", async () => {
    const { addr } = await serve(async () => whole("no"));
    const worker = await swarm.node("worker-1");
    await expect(link(() => worker).forward(addr, request(), forever)).rejects.toMatchObject({
      kind: "PermissionDenied",
    });
  });

  test("a manager that was removed is refused", async () => {
    const { addr, removed } = await serve(async () => whole("no"));
    removed.add("manager-2");
    await expect(link().forward(addr, request(), forever)).rejects.toMatchObject({ kind: "PermissionDenied" });
  });
});

describe("short requests of one manager", () => {
  test("share a stream, and are answered in whatever order their answers come", async () => {
    const waiting = new Map<string, (answer: ForwardAnswer) => void>();
    const { addr } = await serve(({ id }) => new Promise((resolve) => waiting.set(id, resolve)));
    const shared = link();
    const ids = Array.from({ length: 20 }, (_, number) => `r${number}`);
    const asked = ids.map(async (id) => String(await bytesOf(await shared.forward(addr, request({ id }), forever))));
    await expect.poll(() => waiting.size).toBe(ids.length);
    for (const id of ids.toReversed()) waiting.get(id)?.(whole(`answer to ${id}`));
    expect(await Promise.all(asked)).toEqual(ids.map((id) => `answer to ${id}`));
  });

  test("one that fails, one at a manager that does not lead, and one whose client left disturb no other", async () => {
    const left = new Ending();
    let isTold = false;
    const handle: ForwardHandler = ({ id }, over) => {
      if (id === "fails") return Promise.reject(new Error("secret detail"));
      if (id === "elsewhere") return Promise.resolve({ notLeading: true });
      if (id === "good") return Promise.resolve(whole("good"));
      return new Promise((_resolve, reject) =>
        over.listen((reason) => {
          isTold = true;
          reject(reason as Error);
        }),
      );
    };
    const { addr } = await serve(handle, "10.0.0.9:2377");
    const shared = link();
    const ask = (id: string, over = forever): Promise<ForwardAnswer> => shared.forward(addr, request({ id }), over);
    const gone = ask("leaves", left);
    const outcomes = Promise.allSettled([ask("fails"), ask("elsewhere"), ask("good"), gone]);
    await ask("good");
    left.end(new Error("the client left"));
    const [fails, elsewhere, good, leaves] = await outcomes;
    expect(fails).toMatchObject({ reason: { kind: "Unavailable", message: expect.not.stringContaining("secret") } });
    expect(elsewhere).toMatchObject({ reason: { leaderAddr: "10.0.0.9:2377" } });
    expect(good?.status).toBe("fulfilled");
    expect(leaves).toMatchObject({ reason: { message: "the client left" } });
    await expect.poll(() => isTold).toBe(true);
  });

  test("are all told when the stream breaks, and the next makes a new one", async () => {
    const server = await serve(() => new Promise(() => undefined));
    const shared = link();
    const waiting = [1, 2, 3].map((number) => shared.forward(server.addr, request({ id: `r${number}` }), forever));
    const outcomes = Promise.allSettled(waiting);
    await connected(server.addr);
    await server.close();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { kind: "Unavailable" } });
    const again = await testServer({
      identity: sourceOf(manager),
      port: server.port,
      bindings: [forwardBinding({ handle: async () => whole("again"), leaderAddr: () => "", isWorker }, silentLog)],
    });
    open.push(again);
    expect(String(await bytesOf(await shared.forward(server.addr, request(), forever)))).toBe("again");
  });

  test("an answer that comes when it comes is let go and asked for again on a stream of its own", async () => {
    const ended: boolean[] = [];
    const { addr } = await serve(async (_request, over) => {
      over.listen(() => ended.push(true));
      const stream = (async function* () {
        yield Buffer.from("first");
      })();
      return { status: 200, headers: {}, body: { kind: "stream", stream } };
    });
    const answer = await link().forward(addr, request({ method: "GET", path: "/v1.41/events" }), forever);
    expect(answer.body.kind).toBe("stream");
    expect(String(await bytesOf(answer))).toBe("first");
    await expect.poll(() => ended.length).toBe(2);
  });
});

describe("who does not read", () => {
  const clock = new VirtualClock();
  const numbered = (number: number): NumberedRequest => ({
    number,
    what: { $case: "request" as const, value: { ...requestMessage, requestId: `r${number}` } },
  });
  const requestMessage = { method: "GET", path: "/services", query: "", headers: [], body: Buffer.alloc(0) };

  /** A leader's end of a line, and the other end, which reads when the test says so. */
  function anExchange(handle: ForwardHandler) {
    const [ours, theirs] = duplexPair({ allowHalfOpen: false });
    const lines = [ours, theirs].map((socket) => new Line({ socket, addr: "x", pingMs: 1e6, pongMs: 1e6 }, { clock }));
    const [serving, asking] = lines;
    if (!serving || !asking) throw new Error("there are two");
    const peer = { address: "10.0.0.2", node: undefined, problem: undefined };
    const context = { peer, closing: new AbortController().signal };
    serving.start(answerExchange(serving, context, { handle, leaderAddr: () => "", isWorker: () => false }, silentLog));
    const answers: NumberedAnswer[] = [];
    let reason: unknown;
    const read = (): void =>
      asking.start({
        message: (bytes) => void answers.push(...ForwardedAnswers.decode(bytes).answers),
        ended: (error) => {
          reason = error;
        },
      });
    const ask = (...requests: readonly NumberedRequest[]): void =>
      void asking.write(ForwardedRequests.encode({ requests }).finish());
    return { ask, read, answers, reason: () => reason };
  }

  test("and asks all the same is told that it is too much, and nothing more is kept for it", async () => {
    const { ask, read, reason } = anExchange(async () => whole(Buffer.alloc(1_000)));
    for (let number = 1; number <= 3_000; number += 1) {
      ask(numbered(number));
      if (number % 50 === 0) await clock.settle();
    }
    read();
    await expect.poll(reason).toMatchObject({ kind: "ResourceExhausted" });
  });

  test("has long answers sent by a way that holds them back", async () => {
    const { ask, read, answers } = anExchange(async () => whole(Buffer.alloc(256 * 1024)));
    for (let number = 1; number <= 200; number += 1) ask(numbered(number));
    for (let turn = 0; turn < 20; turn += 1) await clock.settle();
    read();
    await expect.poll(() => answers.length).toBe(200);
    const kept = answers.filter(({ what }) => what?.$case === "answer").length;
    expect(kept).toBeGreaterThan(60);
    expect(kept).toBeLessThan(75);
    expect(new Set(answers.map(({ what }) => what?.$case))).toEqual(new Set(["answer", "needsOwnStream"]));
  });

  test("has nothing kept of what it gave up", async () => {
    const { ask, read, answers } = anExchange(async () => whole(Buffer.alloc(1_000)));
    for (let first = 1; first <= 5_000; first += 50) {
      const numbers = Array.from({ length: 50 }, (_, at) => first + at);
      ask(...numbers.map(numbered));
      for (let turn = 0; turn < 5; turn += 1) await clock.settle();
      ask(...numbers.map((number): NumberedRequest => ({ number, what: { $case: "cancelled", value: true } })));
    }
    for (let turn = 0; turn < 50; turn += 1) await clock.settle();
    read();
    ask(numbered(9_999));
    await expect.poll(() => answers.at(-1)?.number).toBe(9_999);
    expect(answers.length).toBeLessThan(1_000);
  });

  test("at the other end holds no requests here that were given up", async () => {
    const { root: ca, certificate: cert, key } = manager;
    const sockets: TLSSocket[] = [];
    const server = createServer({ ca, cert, key, requestCert: true, ALPNProtocols: [requestsProtocol] }, (socket) => {
      sockets.push(socket.on("error", () => {}));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const bound = server.address();
    const shared = link();
    open.push({ close: () => server.close() }, { close: () => sockets.map((socket) => socket.destroy()) });
    const body = Buffer.alloc(60_000);
    const addr = `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`;
    const stays = shared.forward(addr, request(), forever);
    stays.catch(() => undefined);
    await expect.poll(() => sockets.length).toBe(1);
    for (let round = 0; round < 50; round += 1) {
      const leaving = Array.from({ length: 20 }, () => {
        const over = new Ending();
        return { over, asked: shared.forward(addr, request({ body }), over) };
      });
      const outcomes = Promise.allSettled(leaving.map(({ asked }) => asked));
      await clock.settle();
      for (const { over } of leaving) over.end(new Error("the client left"));
      await outcomes;
    }
    let bytesTotal = 0;
    for (const socket of sockets) socket.on("data", ({ length }: Buffer) => (bytesTotal += length));
    await stable(() => bytesTotal);
    // 60 MB were asked. What the connection itself holds is some megabytes.
    expect(bytesTotal).toBeLessThan(30_000_000);
  });

  test("of many requests with long heads each finds its way", async () => {
    const { addr } = await serve(async ({ id }) => whole(id));
    const shared = link();
    const headers = { "x-registry-auth": "e".repeat(40_000) };
    const ids = Array.from({ length: 300 }, (_, at) => `r${at}`);
    const answers = await Promise.all(
      ids.map((id) => shared.forward(addr, request({ id, headers }), forever).then(bytesOf)),
    );
    expect(answers.map(String)).toEqual(ids);
  });
});

describe("an answer", () => {
  test("of many rows is sent while it is made, others getting their turn", async () => {
    const row = Buffer.alloc(1000, "r");
    let turns = 0;
    const { addr } = await serve(async () => ({
      status: 200,
      headers: {},
      body: {
        kind: "pieces",
        pieces: (function* () {
          setImmediate(() => {
            turns += 1;
          });
          for (let at = 0; at < 3000; at += 1) yield row;
        })(),
      },
    }));
    const answer = await link().forward(addr, request(), forever);
    expect(answer.body.kind).toBe("stream");
    expect(await bytesOf(answer)).toHaveLength(3_000_000);
    // Once on the stream short requests share, where it turned out to be long, once on its own.
    expect(turns).toBe(2);
  });

  test("without a body has none", async () => {
    const { addr } = await serve(async () => ({ ...whole(""), body: { kind: "pieces", pieces: [] } }));
    expect(await link().forward(addr, request(), forever)).toMatchObject({ status: 200, body: { kind: "bytes" } });
  });

  test("that comes when it comes has its headers at once, and each piece when it is there", async () => {
    const events = pipe();
    const { addr } = await serve(async () => ({
      status: 200,
      headers: { A: "b" },
      body: { kind: "stream", stream: events.read() },
    }));
    const answer = await link().forward(addr, request({ method: "GET" }), forever);
    expect(answer).toMatchObject({ status: 200, headers: { A: "b" } });
    if (answer.body.kind !== "stream") throw new Error("it is a stream");
    const reader = answer.body.stream[Symbol.asyncIterator]();
    for (const text of ["one\n", "two\n"]) {
      events.push(text);
      expect(String((await reader.next()).value)).toBe(text);
    }
    events.end();
    expect((await reader.next()).done).toBe(true);
  });

  test("that is not read holds the leader back", async () => {
    let made = 0;
    const { addr } = await serve(async () => ({
      status: 200,
      headers: {},
      body: {
        kind: "stream",
        stream: (async function* () {
          for (;;) {
            made += 1;
            yield Buffer.alloc(64 * 1024);
          }
        })(),
      },
    }));
    const answer = await link().forward(addr, request(), forever);
    await stable(() => made);
    expect(made).toBeLessThan(200);
    if (answer.body.kind === "stream") await answer.body.stream[Symbol.asyncIterator]().return?.();
  });

  test("whose reader stops ends at the leader", async () => {
    const ended = deferred();
    const events = pipe();
    const { addr } = await serve(async (_, over) => {
      over.listen(ended.resolve);
      return { status: 200, headers: {}, body: { kind: "stream", stream: events.read() } };
    });
    const answer = await link().forward(addr, request(), forever);
    if (answer.body.kind !== "stream") throw new Error("it is a stream");
    const reader = answer.body.stream[Symbol.asyncIterator]();
    events.push("x");
    await reader.next();
    await reader.return?.();
    await ended.promise;
  });

  test("that breaks off in the middle is a failure, never a shorter answer", async () => {
    const events = pipe();
    const server = await serve(async () => ({
      status: 200,
      headers: {},
      body: { kind: "stream", stream: events.read() },
    }));
    const answer = await link().forward(server.addr, request(), forever);
    events.push("half");
    const read = bytesOf(answer);
    read.catch(() => undefined);
    await server.close();
    await expect(read).rejects.toMatchObject({ kind: "Unavailable" });
  });
});

describe("no answer", () => {
  test("a manager that does not lead says who does", async () => {
    const { addr } = await serve(async () => ({ notLeading: true }), "10.0.0.9:2377");
    const error: unknown = await link()
      .forward(addr, request(), forever)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotTheLeader);
    expect(error).toMatchObject({ kind: "Unavailable", leaderAddr: "10.0.0.9:2377" });
  });

  test("a port where nobody listens is said at once, and a leader that comes there is found at once", async () => {
    const server = await serve(async () => whole("first"));
    const shared = link();
    await shared.forward(server.addr, request(), forever);
    await server.close();
    await expect(shared.forward(server.addr, request(), forever)).rejects.toMatchObject({
      kind: "Unavailable",
      message: expect.stringMatching(/connection refused|closed the connection/),
    });
    const again = await testServer({
      identity: sourceOf(manager),
      port: server.port,
      bindings: [forwardBinding({ handle: async () => whole("second"), leaderAddr: () => "", isWorker }, silentLog)],
    });
    open.push(again);
    expect(String(await bytesOf(await shared.forward(server.addr, request(), forever)))).toBe("second");
  });

  test("a leader that stops while it works is a failure that says so", async () => {
    const server = await serve(() => new Promise(() => undefined));
    const waiting = link().forward(server.addr, request(), forever);
    waiting.catch(() => undefined);
    await connected(server.addr);
    await server.close();
    await expect(waiting).rejects.toMatchObject({ kind: "Unavailable" });
  });

  test("a manager that was demoted is refused, though its certificate says manager until it runs out", async () => {
    const { addr } = await serve(() => Promise.reject(new Error("it was asked")));
    const demoted = await swarm.node("demoted", { role: NodeRole.MANAGER });
    await expect(link(() => demoted).forward(addr, request(), forever)).rejects.toMatchObject({
      kind: "PermissionDenied",
      message: "Permission denied: node demoted is a manager no more",
    });
  });

  test("a failure of the leader's own is none of the client's business", async () => {
    const { addr } = await serve(() => Promise.reject(new Error("secret detail")));
    await expect(link().forward(addr, request(), forever)).rejects.toMatchObject({
      kind: "Unavailable",
      message: expect.not.stringContaining("secret"),
    });
  });

  test("whoever asked may leave: the leader is told, at any moment", async () => {
    const [began, ended] = [deferred(), deferred()];
    const { addr } = await serve(async (_, over) => {
      began.resolve();
      over.listen(ended.resolve);
      return new Promise(() => undefined);
    });
    const client = new Ending();
    const waiting = link().forward(addr, request(), client);
    await began.promise;
    const reason = new Error("the client has gone");
    client.end(reason);
    await expect(waiting).rejects.toBe(reason);
    await ended.promise;
    await expect(link().forward(addr, request(), client)).rejects.toBe(reason);
  });

  test.each([
    ["nothing at all", []],
    ["no id", [{ requestId: "", method: "GET", path: "/services" }]],
    ["no method", [{ requestId: "1", method: "", path: "/services" }]],
    ["a path that is none", [{ requestId: "1", method: "GET", path: "services" }]],
  ])("garbage from a manager is refused: %s", async (_, messages) => {
    let asked = 0;
    const { addr } = await serve(async () => {
      asked += 1;
      return whole("no");
    });
    const client = clientTo(ForwardClient, addr, { as: other });
    open.push(client);
    const stream = client.ask();
    const failure = new Promise((resolve) => stream.on("error", resolve));
    stream.resume();
    for (const message of messages) {
      stream.write({ query: "", headers: [], body: Buffer.alloc(0), ...message });
    }
    stream.end();
    expect(await failure).toMatchObject({ details: "a forwarded request has an id, a method and a path" });
    expect(asked).toBe(0);
  });
});

/** What is pushed is read, in order. */
function pipe() {
  const waiting: string[] = [];
  let isOver = false;
  let wake = (): void => undefined;
  return {
    push: (text: string): void => {
      waiting.push(text);
      wake();
    },
    end: (): void => {
      isOver = true;
      wake();
    },
    read: async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        const text = waiting.shift();
        if (text !== undefined) yield Buffer.from(text);
        else if (isOver) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Until a number stops changing. */
async function stable(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The server accepts, and has accepted what came before. */
async function connected(addr: string): Promise<void> {
  const [host, port] = addr.split(":");
  const socket = connect(Number(port), host);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.destroy();
}
