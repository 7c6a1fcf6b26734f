// A line between two streams in memory, in virtual time: its frames, its signs of life, its end. With TLS: lines.test.ts.

import { type Duplex, duplexPair } from "node:stream";
import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { type SwarmError, silentLog } from "../../src/base/index.js";
import { LineEnd } from "../../src/gen/skep/v1/line.js";
import { NodeRemoved } from "../../src/rpc/index.js";
import { Line, type LineEvents, lineMessageBytesMax } from "../../src/rpc/line.js";
import { removedTrailer, statusOf } from "../../src/rpc/status.js";
import { VirtualClock } from "../../src/sim/index.js";

const [pingMs, pongMs, lateMs] = [1_000, 300, 500];
const kinds = { message: 0, opened: 1, ended: 2, ping: 3, pong: 4 } as const;

interface End {
  readonly line: Line;
  readonly socket: Duplex;
  /** What came, in order. */
  readonly heard: string[];
  /** Each time it was said to be over, with what. */
  readonly over: (SwarmError | undefined)[];
}

function endOn(socket: Duplex, clock: VirtualClock, events: Partial<LineEvents> = {}): End {
  const line = new Line({ socket, addr: "10.0.0.1:2377", pingMs, pongMs }, { clock });
  const heard: string[] = [];
  const over: (SwarmError | undefined)[] = [];
  line.start({
    message: (bytes) => heard.push(Buffer.from(bytes).toString("latin1")),
    opened: () => heard.push("<opened>"),
    ended: (error) => over.push(error),
    ...events,
  });
  return { line, socket, heard, over };
}

interface Raw extends End {
  readonly clock: VirtualClock;
  /** The other end, without a line. */
  readonly raw: Duplex;
  /** Kinds of the frames the line has written so far. */
  frames(): number[];
}

/** A line, and a stream a test speaks on itself. `isDeaf`: it never ends its side. */
function aLine({ isDeaf = false, isRead = true, events = {} as Partial<LineEvents> } = {}): Raw {
  const clock = new VirtualClock();
  const [socket, raw] = duplexPair({ allowHalfOpen: false });
  if (isDeaf) raw.allowHalfOpen = true;
  const written: Buffer[] = [];
  if (isRead) raw.on("data", (chunk: Buffer) => written.push(chunk));
  return { ...endOn(socket, clock, events), clock, raw, frames: () => framesOf(Buffer.concat(written)) };
}

function aPair(): readonly [End, End, VirtualClock] {
  const clock = new VirtualClock();
  const [left, right] = duplexPair({ allowHalfOpen: false });
  return [endOn(left, clock), endOn(right, clock), clock];
}

function frame(kind: number, payload: Uint8Array | string = "", length = payload.length): Buffer {
  const header = Buffer.alloc(5);
  header[0] = kind;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, Buffer.from(payload as string, "latin1")]);
}

function framesOf(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) found.push(bytes[at] ?? -1);
  return found;
}

/** In good order, or why not. */
const said = ({ over }: End): readonly string[] => over.map((error) => (error ? error.message : "in order"));

/** Streams in memory pass on in a turn of the loop each. */
async function turns(clock: VirtualClock, count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await clock.settle();
}

describe("messages", () => {
  const messages = ["", "a", "b".repeat(40), "", "c".repeat(300)];
  const bytes = Buffer.concat(messages.map((message) => frame(kinds.message, message)));

  test("arrive whole and in order wherever their bytes are cut in two", async () => {
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { raw, heard, clock } = aLine();
      raw.write(bytes.subarray(0, cut));
      await turns(clock, 2);
      raw.write(bytes.subarray(cut));
      await turns(clock, 2);
      expect(heard, `cut at ${cut}`).toEqual(messages);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 64])("arrive whole and in order in pieces of %d", async (pieceBytes) => {
    const { socket, heard, clock } = aLine();
    for (let at = 0; at < bytes.length; at += pieceBytes) socket.push(bytes.subarray(at, at + pieceBytes));
    await turns(clock);
    expect(heard).toEqual(messages);
  });

  test("many in one chunk arrive one by one", async () => {
    const { socket, heard, clock } = aLine();
    const many = Array.from({ length: 1_000 }, (_, number) => `message ${number}`);
    socket.push(Buffer.concat(many.map((message) => frame(kinds.message, message))));
    await turns(clock);
    expect(heard).toEqual(many);
  });

  test("one in very many tiny chunks arrives whole", async () => {
    const { socket, heard, clock } = aLine();
    const long = Buffer.alloc(5_000, "abcdefg");
    for (const byte of frame(kinds.message, long)) socket.push(Buffer.of(byte));
    socket.push(frame(kinds.message, "next"));
    await turns(clock);
    expect(heard).toEqual([long.toString("latin1"), "next"]);
  });

  test("go from one line to the other", async () => {
    const [left, right, clock] = aPair();
    left.line.open();
    left.line.write(Buffer.from("one"));
    right.line.write(Buffer.from("two"));
    await turns(clock);
    expect([left.heard, right.heard]).toEqual([["two"], ["<opened>", "one"]]);
  });

  test("of the greatest length pass", async () => {
    const [left, right, clock] = aPair();
    left.line.write(Buffer.alloc(lineMessageBytesMax, "x"));
    left.line.write(Buffer.from("next"));
    await turns(clock);
    expect(right.heard.map(({ length }) => length)).toEqual([lineMessageBytesMax, 4]);
  });

  test("a longer one ends the line as soon as it is announced, and nothing of it is kept", async () => {
    const given = aLine();
    given.raw.write(frame(kinds.message, "first"));
    given.raw.write(frame(kinds.message, "", lineMessageBytesMax + 1));
    await turns(given.clock);
    expect(given.heard).toEqual(["first"]);
    expect(said(given)).toEqual([`10.0.0.1:2377: a message of ${lineMessageBytesMax + 1} bytes is too long`]);
    expect(given.over[0]?.kind).toBe("Unavailable");
    expect(given.socket.destroyed).toBe(true);
  });

  test.each([
    ["a kind nobody knows", frame(9, "x"), "10.0.0.1:2377: a frame of kind 9 is none of this version"],
    ["an end that is none", frame(kinds.ended, "\x0a\xff"), expect.stringContaining("10.0.0.1:2377: ")],
  ])("%s ends the line, and what follows is not read", async (_, bad, why) => {
    const given = aLine();
    given.socket.push(Buffer.concat([frame(kinds.message, "before"), bad, frame(kinds.message, "after")]));
    await turns(given.clock);
    expect(given.heard).toEqual(["before"]);
    expect(said(given)).toEqual([why]);
  });

  test("a reader that breaks the line hears no more of the same chunk", async () => {
    const heard: string[] = [];
    const given = aLine({
      events: {
        message: (bytes) => {
          heard.push(String(bytes));
          given.line.destroy(new Error("malformed answers"));
        },
      },
    });
    given.socket.push(Buffer.concat([frame(kinds.message, "one"), frame(kinds.message, "two")]));
    await turns(given.clock);
    expect(heard).toEqual(["one"]);
    expect(said(given)).toEqual(["10.0.0.1:2377: malformed answers"]);
  });

  test("find no room while the other side does not read, and are told when there is some again", async () => {
    const [socket, raw] = duplexPair({ allowHalfOpen: false });
    const clock = new VirtualClock();
    let drained = 0;
    const { line } = endOn(socket, clock, { drained: () => void (drained += 1) });
    let written = 0;
    while (line.write(Buffer.alloc(10_000)) && written < 1_000) written += 1;
    await turns(clock);
    expect([written < 1_000, drained]).toEqual([true, 0]);
    raw.resume();
    await turns(clock, 20);
    expect(drained).toBe(1);
    expect(line.write(Buffer.alloc(1))).toBe(true);
  });

  test("tell when the connection has taken them, in order", async () => {
    const given = aLine();
    const taken: number[] = [];
    for (const number of [1, 2, 3]) given.line.write(Buffer.alloc(10), () => taken.push(number));
    expect(taken).toEqual([]);
    await turns(given.clock);
    expect(taken).toEqual([1, 2, 3]);
  });
});

describe("a sign of life", () => {
  test("is asked for when nothing was heard for long enough, no sooner", async () => {
    const given = aLine();
    await given.clock.advance(pingMs - 1);
    await turns(given.clock);
    expect(given.frames()).toEqual([]);
    await given.clock.advance(1);
    await turns(given.clock);
    expect(given.frames()).toEqual([kinds.ping]);
  });

  test("is not asked of who speaks", async () => {
    const given = aLine();
    for (let second = 0; second < 20; second += 1) {
      given.raw.write(frame(kinds.message, "x"));
      await turns(given.clock);
      await given.clock.advance(pingMs - 1);
    }
    expect(given.frames()).toEqual([]);
    expect(given.over).toEqual([]);
  });

  test("is given when asked for", async () => {
    const given = aLine();
    given.raw.write(Buffer.concat([frame(kinds.ping), frame(kinds.ping)]));
    await turns(given.clock);
    expect(given.frames()).toEqual([kinds.pong, kinds.pong]);
    expect(given.heard).toEqual([]);
  });

  test("keeps two lines that say nothing up for as long as they like", async () => {
    const [left, right, clock] = aPair();
    for (let second = 0; second < 100; second += 1) {
      await clock.advance(1_000);
      await turns(clock);
    }
    expect([left.over, right.over]).toEqual([[], []]);
    left.line.write(Buffer.from("still there"));
    await turns(clock);
    expect(right.heard).toEqual(["still there"]);
  });

  test("that does not come breaks the line, no sooner than it is late", async () => {
    const given = aLine();
    await given.clock.advance(pingMs + pongMs - 1);
    await turns(given.clock);
    expect(given.over).toEqual([]);
    await given.clock.advance(1);
    await turns(given.clock);
    expect(said(given)).toEqual(["10.0.0.1:2377 did not answer in time; is port 2377/tcp open to this machine?"]);
    expect(given.clock.pending).toBe(0);
  });

  test("that came while this process stood still counts", async () => {
    const given = aLine();
    await given.clock.advance(pingMs);
    given.raw.write(frame(kinds.pong));
    // The timer is due before the loop has looked at the connection.
    given.clock.step();
    expect(given.clock.monotonic()).toBe(pingMs + pongMs);
    await turns(given.clock);
    expect(given.over).toEqual([]);
    expect(given.clock.nextAtMs).toBe(pingMs + pongMs + pingMs);
  });

  test("is also that what waited to be taken is taken", async () => {
    const given = aLine({ isRead: false });
    given.line.write(Buffer.alloc(100_000));
    await given.clock.advance(pingMs);
    given.raw.read();
    await turns(given.clock);
    await given.clock.advance(pongMs);
    await turns(given.clock);
    expect(given.over).toEqual([]);
  });

  test("is not heaped up for who asks and does not read", async () => {
    const given = aLine({ isRead: false });
    for (let round = 0; round < 1_000; round += 1) {
      given.socket.push(Buffer.concat(Array.from({ length: 100 }, () => frame(kinds.ping))));
      await turns(given.clock, 1);
    }
    expect(given.socket.writableLength).toBeLessThan(100_000);
    expect(given.over).toEqual([]);
  });
});

describe("an end", () => {
  test("in good order: both sides are over, without an error", async () => {
    const [left, right, clock] = aPair();
    left.line.end();
    await turns(clock);
    expect([said(left), said(right)]).toEqual([["in order"], ["in order"]]);
    expect([left.socket.destroyed, right.socket.destroyed, clock.pending]).toEqual([true, true, 0]);
  });

  test.each([
    [status.PERMISSION_DENIED, "PermissionDenied"],
    [status.ALREADY_EXISTS, "AlreadyExists"],
    [status.UNAVAILABLE, "Unavailable"],
    [99, "Unknown"],
  ])("with a reason of code %d says so on the other side", async (code, kind) => {
    const [left, right, clock] = aPair();
    left.line.end({ code: code as status, details: "because" });
    await turns(clock);
    expect(said(left)).toEqual(["in order"]);
    expect(right.over).toMatchObject([{ kind, message: "because" }]);
    expect(right.over[0]).not.toBeInstanceOf(NodeRemoved);
  });

  test("because the node was removed has a type of its own there", async () => {
    const [left, right, clock] = aPair();
    const metadata = new Metadata();
    metadata.set(removedTrailer, "true");
    left.line.end({ code: status.PERMISSION_DENIED, details: "node x was removed", metadata });
    await turns(clock);
    expect(right.over[0]).toBeInstanceOf(NodeRemoved);
    expect(said(right)).toEqual(["node x was removed"]);
  });

  test("comes after what was written before it, and before what is written after it", async () => {
    const [left, right, clock] = aPair();
    const done: string[] = [];
    for (let number = 0; number < 100; number += 1) left.line.write(Buffer.alloc(5_000, String(number % 10)));
    left.line.end();
    expect(left.line.write(Buffer.from("late"), () => done.push("late"))).toBe(true);
    await turns(clock, 300);
    expect([right.heard.length, right.heard.at(-1)?.[0]]).toEqual([100, "9"]);
    expect(said(right)).toEqual(["in order"]);
    expect(done).toEqual(["late"]);
  });

  test("from this side: nothing more is heard", async () => {
    const given = aLine();
    given.line.end();
    given.raw.write(frame(kinds.message, "too late"));
    await turns(given.clock);
    expect(given.heard).toEqual([]);
    expect(given.frames()).toEqual([kinds.ended]);
  });

  test.each([
    ["ended from this side", (given: Raw) => given.line.end(), "in order"],
    ["ended by the other side", (given: Raw) => given.raw.write(ended(0, "")), "in order"],
  ])("%s, where the other side never closes, is cut off", async (_, end, why) => {
    const given = aLine({ isDeaf: true, isRead: false });
    end(given);
    await turns(given.clock);
    await given.clock.advance(lateMs - 1);
    expect(given.socket.destroyed).toBe(false);
    await given.clock.advance(1);
    await turns(given.clock);
    expect(given.socket.destroyed).toBe(true);
    expect(said(given)).toEqual([why]);
    expect(given.clock.pending).toBe(0);
  });

  test("a connection closed without a word is a failure", async () => {
    const given = aLine();
    given.raw.end();
    await turns(given.clock);
    expect(said(given)).toEqual(["10.0.0.1:2377 closed the connection"]);
    expect(given.over[0]?.kind).toBe("Unavailable");
  });

  test("of which this side's log has the reason does not tell it to the other", async () => {
    const [left, right, clock] = aPair();
    left.line.end(statusOf(new Error("secret detail"), silentLog));
    await turns(clock);
    expect(right.over).toMatchObject([{ kind: "Internal", message: expect.not.stringContaining("secret") }]);
  });

  const ways: Readonly<Record<string, (given: Raw) => unknown>> = {
    "this side's end": ({ line }) => line.end(),
    "the other side's end": ({ raw }) => raw.write(ended(0, "")),
    "the other side's reason": ({ raw }) => raw.write(ended(14, "because")),
    "a break": ({ line }) => line.destroy(new Error("no good")),
    "a failure of the connection": ({ socket }) =>
      socket.destroy(Object.assign(new Error("x"), { code: "ECONNRESET" })),
    "the other side's silence": ({ clock }) => clock.advance(pingMs + pongMs),
    "the end of the connection": ({ raw }) => raw.end(),
    garbage: ({ raw }) => raw.write(frame(77)),
  };
  const pairs = Object.keys(ways).flatMap((one) => Object.keys(ways).map((two) => [one, two] as const));

  test.each(pairs)("is said once: %s, then %s", async (one, two) => {
    for (const turnsBetween of [0, 1, 20]) {
      const given = aLine();
      given.raw.on("error", () => {});
      await ways[one]?.(given);
      await turns(given.clock, turnsBetween);
      if (!given.raw.writableEnded) await ways[two]?.(given);
      given.line.end();
      given.line.write(Buffer.from("x"));
      await turns(given.clock);
      await given.clock.advance(60_000);
      await turns(given.clock);
      expect(given.over, `${turnsBetween} turns between`).toHaveLength(1);
      expect([given.socket.destroyed, given.clock.pending]).toEqual([true, 0]);
    }
  });

  test("before it was started is said when it is", async () => {
    const [socket, raw] = duplexPair({ allowHalfOpen: false });
    raw.resume();
    const clock = new VirtualClock();
    const line = new Line({ socket, addr: "10.0.0.1:2377", pingMs, pongMs }, { clock });
    line.end({ code: status.UNAVAILABLE, details: "the manager is stopping" });
    const over: unknown[] = [];
    line.start({ message: () => {}, ended: (error) => over.push(error) });
    await turns(clock);
    expect([over, clock.pending]).toEqual([[undefined], 0]);
  });
});

const ended = (code: number, details: string): Buffer =>
  frame(kinds.ended, LineEnd.encode({ code, details, removed: false }).finish());
