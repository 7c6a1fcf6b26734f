// Docker's multiplexed stream: an 8-byte header (stream, three zeros, length), then that many bytes.
import { CliError } from "../../errors.js";

export interface LogFrame {
  readonly stream: "stdout" | "stderr";
  readonly payload: Uint8Array;
}

const headerBytes = 8;
/** A longer frame is a broken stream, not a line. */
const frameBytesMax = 16 * 1024 * 1024;

/** @throws CliError when the daemon reports trouble in the stream (stream 3) or the stream is none of ours */
export async function* logFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<LogFrame> {
  let held = Buffer.alloc(0);
  for await (const chunk of body) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    for (let frame = firstFrame(held); frame !== undefined; frame = firstFrame(held)) {
      held = held.subarray(headerBytes + frame.length);
      yield toFrame(frame.kind, frame.payload);
    }
  }
}

interface RawFrame {
  readonly kind: number;
  readonly length: number;
  readonly payload: Uint8Array;
}

function firstFrame(held: Buffer): RawFrame | undefined {
  if (held.length < headerBytes) return undefined;
  const length = held.readUInt32BE(4);
  if (length > frameBytesMax) throw new CliError(`the log stream is broken: a frame of ${length} bytes`);
  if (held.length < headerBytes + length) return undefined;
  return { kind: held[0] ?? 0, length, payload: held.subarray(headerBytes, headerBytes + length) };
}

function toFrame(kind: number, payload: Uint8Array): LogFrame {
  if (kind === 3) throw new CliError(`error from daemon in stream: ${Buffer.from(payload).toString("utf8").trim()}`);
  if (kind > 2) throw new CliError(`the log stream is broken: Unrecognized input header: ${kind}`);
  return { stream: kind === 2 ? "stderr" : "stdout", payload };
}
