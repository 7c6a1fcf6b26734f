// A snapshot file is a header and frames, numbered from 1: what it is of, its chunks, and an end that says how many
// there were. This file knows what is inside a frame.

import { SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";

export type SnapshotPart =
  | { readonly kind: "meta"; readonly meta: SnapshotMeta }
  | { readonly kind: "chunk"; readonly chunk: Uint8Array }
  | { readonly kind: "end"; readonly chunks: number };

const kinds = { meta: 1, chunk: 2, end: 3 } as const;

export function encodePart(part: SnapshotPart): Uint8Array {
  const content = encodeContent(part);
  const bytes = new Uint8Array(1 + content.length);
  bytes[0] = kinds[part.kind];
  bytes.set(content, 1);
  return bytes;
}

/** Throws when the bytes are no part; they passed a checksum, so that is a bug or a newer writer. */
export function decodePart(bytes: Uint8Array): SnapshotPart {
  const content = bytes.subarray(1);
  if (bytes[0] === kinds.meta) return { kind: "meta", meta: SnapshotMeta.decode(content) };
  if (bytes[0] === kinds.chunk) return { kind: "chunk", chunk: content };
  if (bytes[0] === kinds.end && content.length === 4) return { kind: "end", chunks: countView(content).getUint32(0) };
  throw new Error(`a part of the snapshot has the unknown kind ${bytes[0]}`);
}

function encodeContent(part: SnapshotPart): Uint8Array {
  switch (part.kind) {
    case "meta":
      return SnapshotMeta.encode(part.meta).finish();
    case "chunk":
      return part.chunk;
    case "end": {
      const content = new Uint8Array(4);
      countView(content).setUint32(0, part.chunks);
      return content;
    }
    default:
      return part satisfies never;
  }
}

function countView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
