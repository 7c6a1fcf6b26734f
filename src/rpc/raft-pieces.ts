// A snapshot's chunks as the pieces that travel, and back. The sender keeps what the other side has not confirmed, so that
// it can go on from there after a break; the receiver puts chunks together again exactly as they were.

import { crc32 } from "node:zlib";
import { SwarmError } from "../base/index.js";
import type { SnapshotPiece } from "../gen/skep/raft/v1/transport.js";

/** Bytes of a piece: small enough that encoding or checking one does not hold the loop. */
export const pieceBytesMax = 256 * 1024;
/** Pieces on their way that the other side has not taken: the memory of a transfer, on either side. */
export const unconfirmedPiecesMax = 16;
/** The largest chunk a state machine may give. */
const chunkBytesMax = 4 * 1024 * 1024;

/** The sender's end. */
export class PieceSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Of the chunk that is being cut. */
  #rest: Uint8Array | undefined;
  #kept: SnapshotPiece[] = [];
  #confirmed = 0;
  /** Number of the next piece to be sent. */
  #next = 0;
  #isAtEnd = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Pieces the other side has taken. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** Pieces cut so far; in all, once there is no next. */
  get cut(): number {
    return this.#confirmed + this.#kept.length;
  }

  get mayGoOn(): boolean {
    return this.#next - this.#confirmed < unconfirmedPiecesMax;
  }

  /** Undefined after the last one. One call at a time. */
  async next(): Promise<SnapshotPiece | undefined> {
    const again = this.#kept[this.#next - this.#confirmed];
    const piece = again ?? (await this.#cutNext());
    if (piece !== undefined) this.#next += 1;
    return piece;
  }

  /** The other side has taken this many. */
  confirm(pieces: number): void {
    invariantOfPeer(pieces >= this.#confirmed && pieces <= this.#next, "confirms pieces that were not sent");
    this.#kept.splice(0, pieces - this.#confirmed);
    this.#confirmed = pieces;
  }

  /** A new connection goes on after this many pieces. */
  goOnAfter(pieces: number): void {
    invariantOfPeer(pieces >= this.#confirmed && pieces <= this.cut, "has forgotten what it had taken");
    this.#next = pieces;
    this.confirm(pieces);
  }

  /** The chunks are wanted no more. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #cutNext(): Promise<SnapshotPiece | undefined> {
    while (this.#rest === undefined && !this.#isAtEnd) {
      const step = await this.#chunks.next();
      if (step.done) this.#isAtEnd = true;
      else this.#rest = step.value;
    }
    if (this.#rest === undefined) return undefined;
    const { buffer, byteOffset, length } = this.#rest;
    const data = Buffer.from(buffer, byteOffset, Math.min(length, pieceBytesMax));
    const endsChunk = data.length === length;
    this.#rest = endsChunk ? undefined : this.#rest.subarray(data.length);
    const piece = { number: this.cut, data, checksum: crc32(data), endsChunk };
    this.#kept.push(piece);
    return piece;
  }
}

/** The receiver's end: pieces go in, whole chunks come out as they are asked for. */
export class PieceSink implements AsyncIterable<Uint8Array> {
  #pieces = 0;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #ready: { readonly chunk: Uint8Array; readonly isTaken: Promise<void>; taken(): void } | undefined;
  #waiting: { resolve(step: IteratorResult<Uint8Array>): void; reject(error: Error): void } | undefined;
  #ended: { readonly error: Error | undefined } | undefined;

  /** Pieces taken. */
  get pieces(): number {
    return this.#pieces;
  }

  /** Resolves once the reader has taken what the piece completes. Throws when it is not the next one, or not what was sent. */
  async take({ number, data, checksum, endsChunk }: SnapshotPiece): Promise<void> {
    invariantOfPeer(number === this.#pieces, "sends pieces out of order");
    invariantOfPeer(crc32(data) === checksum, "sends a piece whose checksum is wrong");
    invariantOfPeer(this.#gatheredBytes + data.length <= chunkBytesMax, "sends a chunk that is too large");
    this.#gathered.push(data);
    this.#gatheredBytes += data.length;
    this.#pieces += 1;
    if (!endsChunk) return;
    const chunk = this.#gathered.length === 1 ? data : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#give(chunk);
  }

  /** No more comes; with an error, the reader gets that. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = { error };
    this.#ready?.taken();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error) waiting?.reject(error);
    else waiting?.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#nextChunk(),
      return: async () => {
        this.end(new SwarmError("Aborted", "the snapshot is not wanted any more"));
        return { done: true, value: undefined };
      },
    };
  }

  async #give(chunk: Uint8Array): Promise<void> {
    // After a break the chunk of the connection before may still wait for the reader.
    while (this.#ready && !this.#ended) await this.#ready.isTaken;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) {
      waiting.resolve({ done: false, value: chunk });
      return;
    }
    if (this.#ended) return;
    let taken = (): void => {};
    const isTaken = new Promise<void>((resolve) => {
      taken = resolve;
    });
    this.#ready = { chunk, isTaken, taken };
    await isTaken;
  }

  #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    const ready = this.#ready;
    this.#ready = undefined;
    if (this.#ended?.error) return Promise.reject(this.#ended.error);
    if (ready) {
      ready.taken();
      return Promise.resolve({ done: false, value: ready.chunk });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

function invariantOfPeer(isRight: boolean, what: string): void {
  if (!isRight) throw new SwarmError("Aborted", `snapshot transfer: the other side ${what}`);
}
