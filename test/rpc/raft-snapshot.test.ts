import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { SwarmError } from "../../src/base/index.js";
import type { Message } from "../../src/gen/skep/raft/v1/messages.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import type { Credentials, RaftCalls } from "../../src/rpc/index.js";
import { type TestSwarm, testSwarm } from "../support/pki.js";
import { eventually, type LinkEnd, linkEnd } from "../support/raft_links.js";
import { type TcpProxy, tcpProxy } from "../support/tcp_proxy.js";

let swarm: TestSwarm;
let other: Credentials;
const open: { close(): Promise<void> }[] = [];
const signal = new AbortController().signal;
const kib = 1024;

beforeAll(async () => {
  swarm = await testSwarm();
  other = await swarm.node("manager-2", { role: NodeRole.MANAGER });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** A sender, a receiver that does `take` with what comes, and a proxy between them. */
async function aPair(take: RaftCalls["receiveSnapshot"]): Promise<readonly [LinkEnd, LinkEnd, TcpProxy]> {
  const to = await linkEnd({ raftId: 2, credentials: other, calls: { receiveSnapshot: take } });
  const from = await linkEnd({ raftId: 1, credentials: swarm.manager });
  const proxy = await tcpProxy(to.server.port);
  from.addrs.set(2, proxy.addr);
  open.push(from, to, proxy);
  return [from, to, proxy];
}

function offer(change: Partial<Message> = {}): Message {
  const meta = { position: { index: 7, term: 3 }, membership: { voters: [1, 2], learners: [] } };
  return { from: 1, to: 2, term: 3, body: { $case: "snapshot", value: { meta } }, ...change };
}

/** Chunks of these sizes, each filled with its number; counts how many were asked for. */
function chunksOf(sizes: readonly number[]): AsyncIterable<Uint8Array> & { asked: number } {
  const source = {
    asked: 0,
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
      for (const [at, size] of sizes.entries()) {
        source.asked += 1;
        yield Buffer.alloc(size, at);
      }
    },
  };
  return source;
}

/** Reads all, keeping only sizes and whether each chunk is what was sent. */
async function read(chunks: AsyncIterable<Uint8Array>, each: () => Promise<void> = async () => {}): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of chunks) {
    const isRight = Buffer.alloc(chunk.length, sizes.length % 256).equals(chunk);
    if (!isRight) throw new Error(`chunk ${sizes.length} is not what was sent`);
    sizes.push(chunk.length);
    await each();
  }
  return sizes;
}

/** Opens when told. */
function aGate(): { open(): void; readonly passed: Promise<void> } {
  let pass = (): void => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { open: () => pass(), passed };
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("a snapshot", () => {
  test("arrives as the chunks it was sent as, with its message, and is durable when the sender hears so", async () => {
    const sizes = [1, 256 * kib, 256 * kib + 1, 0, 4096 * kib, 3];
    const messages: Message[] = [];
    let taken: number[] = [];
    let isDurable = false;
    const [from] = await aPair(async (message, chunks) => {
      messages.push(message);
      taken = await read(chunks);
      await turns(50);
      isDurable = true;
    });
    await from.links.sendSnapshot(offer(), chunksOf(sizes), signal);
    expect({ messages, taken, isDurable }).toEqual({ messages: [offer()], taken: sizes, isDurable: true });
  });

  test("of 50 MB is read as slowly as the other side takes it", async () => {
    const sizes = Array.from({ length: 200 }, () => 256 * kib);
    const source = chunksOf(sizes);
    let taken = 0;
    let ahead = 0;
    const [from, , proxy] = await aPair(async (_, chunks) => {
      await read(chunks, async () => {
        taken += 1;
        await turns(3);
        ahead = Math.max(ahead, source.asked - taken);
      });
    });
    await from.links.sendSnapshot(offer(), source, signal);
    // 16 pieces that are not confirmed, and one being cut.
    expect(taken).toBe(200);
    expect(ahead).toBeLessThanOrEqual(18);
    expect(proxy.bytes).toBeLessThan(200 * 257 * kib);
  });

  test("goes on after breaks, and nothing is lost, repeated or read twice", async () => {
    const sizes = Array.from({ length: 60 }, () => 200 * kib);
    const source = chunksOf(sizes);
    let taken: number[] = [];
    let receives = 0;
    let at = 0;
    const [from, , proxy] = await aPair(async (_, chunks) => {
      receives += 1;
      taken = await read(chunks, async () => {
        at += 1;
        if (at === 10 || at === 11 || at === 40) proxy.breakAll();
        await turns(2);
      });
    });
    await from.links.sendSnapshot(offer(), source, signal);
    expect({ taken, receives, asked: source.asked }).toEqual({ taken: sizes, receives: 1, asked: 60 });
  });

  test("that the other side does not need is over at once", async () => {
    const source = chunksOf(Array.from({ length: 100 }, () => 256 * kib));
    const [from] = await aPair(async () => {});
    await from.links.sendSnapshot(offer(), source, signal);
    expect(source.asked).toBeLessThan(20);
  });

  test("that the other side cannot take is refused, with its reason, and not tried again", async () => {
    let receives = 0;
    const [from] = await aPair(async (_, chunks) => {
      receives += 1;
      for await (const chunk of chunks) if (chunk.length > 0) throw new SwarmError("Unavailable", "disk full");
    });
    const sent = from.links.sendSnapshot(offer(), chunksOf([10, 10]), signal);
    await expect(sent).rejects.toThrow("disk full");
    expect(receives).toBe(1);
  });

  test("ends when its sender gives up, and the receiver is told", async () => {
    const stop = new AbortController();
    const begun = aGate();
    const reasons: string[] = [];
    const [from, to] = await aPair(async (_, chunks) => {
      await read(chunks, async () => begun.open()).catch((error: unknown) => void reasons.push(String(error)));
    });
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10, 0);
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
    }
    const sent = from.links.sendSnapshot(offer(), slowly(), stop.signal);
    await begun.passed;
    stop.abort(new Error("the member stops"));
    await expect(sent).rejects.toThrow("the member stops");
    // Nobody can come back to a server that stops.
    await to.server.close();
    await eventually(() => reasons.length).toBe(1);
  });

  test("whose sender is gone makes room for another one's", async () => {
    const stop = new AbortController();
    const begun = aGate();
    const outcomes: string[] = [];
    const [from] = await aPair(async (message, chunks) => {
      await read(chunks, async () => begun.open()).then(
        (sizes) => outcomes.push(`${message.term}: ${sizes.length}`),
        (error: unknown) => outcomes.push(`${message.term}: ${String(error)}`),
      );
    });
    async function* forever(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10, 0);
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
    }
    const first = from.links.sendSnapshot(offer(), forever(), stop.signal);
    await begun.passed;
    stop.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    await turns(100);
    await from.links.sendSnapshot(offer({ term: 4 }), chunksOf([1, 2]), signal);
    expect(outcomes).toEqual(["3: SwarmError: another snapshot is coming in", "4: 2"]);
  });

  test("that cannot be read here is not sent to its end", async () => {
    let error: unknown;
    const [from, to] = await aPair(async (_, chunks) => {
      await read(chunks).catch((caught: unknown) => {
        error = caught;
      });
    });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10, 0);
      throw new Error("a record is bad");
    }
    await expect(from.links.sendSnapshot(offer(), broken(), signal)).rejects.toThrow("a record is bad");
    await to.server.close();
    await eventually(() => error).toBeInstanceOf(SwarmError);
  });

  test("to nobody fails after a few tries", async () => {
    const [from, , proxy] = await aPair(async () => {});
    await proxy.close();
    open.splice(open.indexOf(proxy), 1);
    await expect(from.links.sendSnapshot(offer(), chunksOf([1]), signal)).rejects.toThrow("connection refused");
  });

  const refusals: readonly { readonly title: string; readonly message: Message; readonly says: string }[] = [
    { title: "another member's", message: offer({ from: 9 }), says: "raft member 9 is node somebody-else" },
    { title: "for another member", message: offer({ to: 3 }), says: "this is raft member 2, not 3" },
    { title: "without a place in the log", message: offer({ body: undefined }), says: "it offers no snapshot" },
  ];
  test.each(refusals)("is refused: $title", async ({ message, says }) => {
    let receives = 0;
    const [from, to, proxy] = await aPair(async () => {
      receives += 1;
    });
    from.addrs.set(3, proxy.addr);
    to.owners.set(9, "somebody-else");
    await expect(from.links.sendSnapshot(message, chunksOf([1]), signal)).rejects.toThrow(says);
    expect(receives).toBe(0);
  });
});
