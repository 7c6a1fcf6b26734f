// The sealed frames of a locked swarm's backup: numbered, the header once more at the front and nothing at the end, so that
// none can be left out, moved or put under another header by somebody without the key.

import { SwarmError } from "../base/index.js";
import type { Sealer } from "../raft/index.js";
import { damaged } from "./backup-file.js";

const numberBytes = 4;

export function* sealedParts(header: Uint8Array, chunks: Iterable<Uint8Array>, sealer: Sealer): Generator<Uint8Array> {
  let number = 0;
  const sealed = (content: Uint8Array): Uint8Array => {
    const part = Buffer.alloc(numberBytes + content.length);
    part.writeUInt32BE(number, 0);
    part.set(content, numberBytes);
    number += 1;
    return sealer.seal(part);
  };
  yield sealed(header);
  for (const chunk of chunks) yield sealed(chunk);
  yield sealed(new Uint8Array(0));
}

export async function* openedParts(
  header: Uint8Array,
  parts: AsyncIterable<Uint8Array>,
  sealer: Sealer,
): AsyncGenerator<Uint8Array> {
  let number = 0;
  let isEnded = false;
  for await (const part of parts) {
    const opened = Buffer.from(unsealed(sealer, part));
    const content = opened.subarray(numberBytes);
    if (isEnded || opened.readUInt32BE(0) !== number) throw unsound();
    if (number === 0 && !content.equals(header)) throw unsound();
    isEnded = content.length === 0;
    if (number > 0 && !isEnded) yield content;
    number += 1;
  }
  if (!isEnded) throw unsound();
}

/** The checksum of the frame was right, so it is the key that is wrong. */
function unsealed(sealer: Sealer, part: Uint8Array): Uint8Array {
  try {
    return sealer.open(part);
  } catch {
    throw new SwarmError("Unauthenticated", "the backup could not be unlocked: invalid key provided");
  }
}

function unsound(): SwarmError {
  return damaged(0, "its parts are not those that were sealed together");
}
