// A body as one text: for answers that are read here rather than sent on.

import { SwarmError } from "../base/index.js";
import type { ApiBody } from "./http.js";

/** Far above any `/info`. */
const collectedBytesMax = 16 * 1024 * 1024;

export async function collect(body: ApiBody): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytesTotal = 0;
  for await (const chunk of chunksOf(body)) {
    bytesTotal += chunk.length;
    if (bytesTotal > collectedBytesMax) throw new SwarmError("ResourceExhausted", "the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function chunksOf(body: ApiBody): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  switch (body.kind) {
    case "bytes":
      return [body.bytes];
    case "pieces":
      return body.pieces;
    case "stream":
      return body.stream;
    default:
      return body satisfies never;
  }
}
