// A container's output as the engine frames it → lines. Without a terminal: frames of an 8-byte header (stream, length)
// and one piece of a line; with one: raw bytes. Every piece begins with its timestamp (and the driver's details, if asked for),
// also the later ones of a long line.

import { SwarmError } from "../../base/index.js";
import { logLineBytesMax } from "../bounds.js";
import type { LogLine } from "../engine.js";

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const headerBytes = 8;

/** Lines of a multiplexed stream; pieces of a long line are put together per stream. */
export async function* framedLines(
  chunks: AsyncIterable<Uint8Array>,
  hasDetails = false,
): AsyncGenerator<LogLine, void, undefined> {
  const open = { stdout: new OpenLine("stdout", { hasDetails }), stderr: new OpenLine("stderr", { hasDetails }) };
  for await (const frame of frames(chunks)) yield* open[frame.stream].add(frame.payload);
  for (const line of Object.values(open)) yield* line.end();
}

/** Lines of a container with a terminal: all of them are its standard output. */
export async function* rawLines(
  chunks: AsyncIterable<Uint8Array>,
  hasDetails = false,
): AsyncGenerator<LogLine, void, undefined> {
  const line = new OpenLine("stdout", { hasDetails, isTerminal: true });
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    rest = joined(rest, chunk);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      yield* line.add(rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    if (rest.length <= logLineBytesMax) continue;
    yield* line.add(rest);
    rest = new Uint8Array();
  }
  if (rest.length > 0) yield* line.add(rest);
  yield* line.end();
}

interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly payload: Uint8Array;
}

async function* frames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    rest = joined(rest, chunk);
    for (let length = frameLength(rest); length !== undefined && rest.length >= length; length = frameLength(rest)) {
      yield { stream: rest[0] === 2 ? "stderr" : "stdout", payload: rest.subarray(headerBytes, length) };
      rest = rest.subarray(length);
    }
  }
}

/** Bytes of the frame at the front, header included; undefined until its header is whole. */
function frameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const length = view.getUint32(4);
  if (view.getUint8(0) > 2 || length > logLineBytesMax) {
    throw new SwarmError("Unavailable", "the engine's log stream is broken: no frame header where one must be");
  }
  return headerBytes + length;
}

/** The line a stream is in the middle of. */
class OpenLine {
  readonly #stream: LogLine["stream"];
  readonly #hasDetails: boolean;
  /** It ends lines with a carriage return of its own. */
  readonly #isTerminal: boolean;
  #timestamp = "";
  #details = "";
  #bytes: Uint8Array = new Uint8Array();
  #begun = false;

  constructor(stream: LogLine["stream"], of: { readonly hasDetails: boolean; readonly isTerminal?: boolean }) {
    this.#stream = stream;
    this.#hasDetails = of.hasDetails;
    this.#isTerminal = of.isTerminal ?? false;
  }

  /** Takes a piece; gives the line when the piece ends it, or when it has grown past the bound. */
  *add(piece: Uint8Array): Generator<LogLine, void, undefined> {
    const cut = piece.indexOf(space);
    const detailsEnd = this.#hasDetails ? piece.indexOf(space, cut + 1) : cut;
    if (!this.#begun) {
      this.#timestamp = textOf(piece.subarray(0, Math.max(cut, 0)));
      this.#details = textOf(piece.subarray(cut + 1, Math.max(detailsEnd, cut + 1)));
    }
    this.#begun = true;
    const ended = piece.at(-1) === newline;
    this.#bytes = joined(this.#bytes, piece.subarray(detailsEnd + 1, ended ? -1 : undefined));
    if (ended || this.#bytes.length > logLineBytesMax) yield* this.end();
  }

  *end(): Generator<LogLine, void, undefined> {
    if (!this.#begun) return;
    const isReturned = this.#isTerminal && this.#bytes.at(-1) === carriageReturn;
    const bytes = isReturned ? this.#bytes.subarray(0, -1) : this.#bytes;
    const details = this.#hasDetails ? { details: this.#details } : {};
    yield { stream: this.#stream, timestamp: this.#timestamp, line: bytes.slice(), ...details };
    this.#begun = false;
    this.#bytes = new Uint8Array();
  }
}

function textOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : new TextDecoder().decode(bytes);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
