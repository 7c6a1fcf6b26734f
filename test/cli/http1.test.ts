import { describe, expect, it } from "vitest";
import { type Piece, ResponseParser, requestText } from "../../src/cli/host/http1.js";

/** Fed `size` bytes at a time. */
function parse(text: string, size: number, method = "GET", closes = false) {
  const parser = new ResponseParser(method);
  const bytes = Buffer.from(text, "latin1");
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(...parser.push(bytes.subarray(at, at + size)));
  if (closes) pieces.push(...parser.close());
  const head = pieces.find((piece) => piece.kind === "head")?.head;
  const body = Buffer.concat(pieces.flatMap((piece) => (piece.kind === "data" ? [piece.bytes] : []))).toString(
    "latin1",
  );
  const end = pieces.find((piece) => piece.kind === "end");
  return { status: head?.status, type: head?.headers["content-type"], body, reusable: end?.reusable };
}

const chunked =
  "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

describe.each([1, 2, 3, 7, 1000])("an answer that comes %d bytes at a time", (size) => {
  it.each([
    [
      "with a length",
      "HTTP/1.1 201 Created\r\nContent-Type:  a/b \r\nContent-Length: 5\r\n\r\nhello",
      { status: 201, type: "a/b", body: "hello", reusable: true },
    ],
    ["in chunks", chunked, { status: 200, type: "a/b", body: "abc0123456789", reusable: true }],
    [
      "empty",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      { status: 200, type: undefined, body: "", reusable: true },
    ],
    ["without content", "HTTP/1.1 204\r\n\r\n", { status: 204, type: undefined, body: "", reusable: true }],
    [
      "after a continue",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
      { status: 200, type: undefined, body: "x", reusable: true },
    ],
    [
      "that closes",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
      { status: 200, type: undefined, body: "x", reusable: false },
    ],
  ])("%s", (_, text, expected) => {
    expect(parse(text, size)).toEqual(expected);
  });

  it("to HEAD has no body whatever it announces", () => {
    expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", size, "HEAD")).toMatchObject({
      status: 200,
      body: "",
      reusable: true,
    });
  });

  it("that ends with the connection", () => {
    expect(parse("HTTP/1.0 200 OK\r\n\r\nall of it", size, "GET", true)).toMatchObject({
      body: "all of it",
      reusable: false,
    });
  });
});

describe("what is no answer", () => {
  it.each([
    ["another protocol", "SSH-2.0-x\r\n\r\n", /this is no HTTP/],
    ["a bad header", "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n", /bad header/],
    ["a bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", /bad Content-Length/],
    ["a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", /bad chunk size/],
    ["a head without end", "HTTP/1.1 200 OK\r\n".padEnd(1024 * 1024 + 2, "a"), /too long/],
    [
      "a chunk size without end",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"1".repeat(2000)}`,
      /too long/,
    ],
  ])("%s", (_, text, why) => {
    expect(() => parse(text, 100_000)).toThrow(why);
  });

  it.each(["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", chunked.slice(0, -10)])(
    "an end in the middle: %j",
    (text) => {
      expect(() => parse(text, 10, "GET", true)).toThrow(
        "the daemon closed the connection in the middle of its answer",
      );
    },
  );
});

it("writes a request, its length in bytes, and no second header line", () => {
  expect(requestText("POST", "/x", { Host: "h" }, "ü")).toBe(
    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nü",
  );
  expect(requestText("POST", "/x", {})).toBe("POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  expect(requestText("GET", "/x", {})).toBe("GET /x HTTP/1.1\r\n\r\n");
  expect(() => requestText("GET", "/x\r\nEvil: 1", {})).toThrow("a line break");
});
