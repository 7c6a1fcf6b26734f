// All nodes in order of preference for a task of a service that runs nowhere yet: fewest tasks first, then most free.
// Kept sorted while counts change one at a time; in chunks, so that moving a node costs little among 100,000.

import type { NodeInfo } from "./node-info.js";

/** Nodes per chunk before it is split. */
const chunkMax = 512;

export class Ranking {
  #chunks: NodeInfo[][] = [];

  /** Puts in a node that is not in. */
  add(info: NodeInfo): void {
    info.rankTotal = info.total;
    info.rankScore = info.freeScore;
    const at = this.#chunkFor(info);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([info]);
      return;
    }
    chunk.splice(position(chunk, info), 0, info);
    if (chunk.length > chunkMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunkMax / 2));
  }

  /** Takes out a node that is in, by the place it was last put. */
  remove(info: NodeInfo): void {
    const at = this.#chunkFor(info);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const place = position(chunk, info);
    if (chunk[place] !== info) return;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** After the counts of a node changed. */
  moved(info: NodeInfo): void {
    if (info.rankTotal === info.total && info.rankScore === info.freeScore) return;
    this.remove(info);
    this.add(info);
  }

  /** Best first. Nothing may be added, removed or moved while this is walked. */
  *bestFirst(): IterableIterator<NodeInfo> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The last chunk that begins before `info`, else the first. */
  #chunkFor(info: NodeInfo): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const first = this.#chunks[middle]?.[0];
      if (first !== undefined && byRank(first, info) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Where `info` is or belongs in a sorted chunk. */
function position(chunk: readonly NodeInfo[], info: NodeInfo): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = chunk[middle];
    if (other !== undefined && byRank(other, info) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byRank(a: NodeInfo, b: NodeInfo): number {
  return a.rankTotal - b.rankTotal || b.rankScore - a.rankScore || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
