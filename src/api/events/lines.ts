// Chunks → whole lines, so that lines of two streams never cut into one another.

import { SwarmError } from "../../base/index.js";

/** The longest event: one with a container's labels. */
const lineBytesMax = 1024 * 1024;
const newline = 0x0a;

/** Each piece ends in a newline; what follows the last one is dropped at the end. */
export async function* byLine(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > 0) {
      yield rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([rest, chunk.subarray(0, end)]);
      rest = chunk.subarray(end);
    } else {
      rest = Buffer.concat([rest, chunk]);
    }
    if (rest.length > lineBytesMax) throw new SwarmError("ResourceExhausted", "an event of the engine has no end");
  }
}
