// The one snapshot a member keeps on disk: written beside the old one, synced, and switched by a rename (S6).

import { type Disk, type DiskFile, invariant, messageOf } from "../../base/index.js";
import type { SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import { LogDamagedError, WrongKeyError } from "../log/errors.js";
import { announcedPayloadBytes, encodeFrame, frameBytes, frameHeaderBytes, readFrame } from "../log/frame.js";
import { checkHeader, encodeHeader, fileHeaderBytes } from "../log/header.js";
import type { Sealer } from "../sealer.js";
import { decodePart, encodePart, type SnapshotPart } from "./part.js";

/** The largest chunk a state machine may give. Encoding one must not hold the loop, so they are better far smaller. */
export const snapshotChunkBytesMax = 4 * 1024 * 1024;
/**
 * Frames are gathered up to this before they are written: small chunks do not cost a write each, and the loop is given way
 * after each write, however much there is.
 */
const writeBytes = 64 * 1024;
/** Synced in portions, so that the log's own syncs never wait for a whole snapshot. */
const syncBytes = 8 * 1024 * 1024;

export interface OpenedSnapshot {
  readonly meta: SnapshotMeta;
  /** To be read once. Each chunk is verified before it is given, and that all are there before the last `next` ends. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** To be called when they are wanted no more, read to the end or not. */
  readonly close: () => Promise<void>;
}

export class Snapshots {
  readonly #disk: Disk;
  readonly #sealer: Sealer;
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string, modules: { readonly disk: Disk; readonly sealer: Sealer }) {
    this.#disk = modules.disk;
    this.#sealer = modules.sealer;
    this.#folder = folder;
    this.#path = `${folder}/snapshot`;
  }

  /** Replaces the snapshot; a crash leaves the old or the new one, whole. Ends early when `signal` is aborted. */
  async write(meta: SnapshotMeta, chunks: Iterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const beside = `${this.#path}.tmp`;
    await this.#writeFile(beside, meta, chunks, signal);
    signal.throwIfAborted();
    await this.#switchTo(beside);
  }

  /** Keeps another member's snapshot beside the own one, durable and whole, until `install`. */
  async receive(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    await this.#writeFile(`${this.#path}.incoming`, meta, chunks, signal);
  }

  /** What was received last takes the own one's place. */
  async install(): Promise<void> {
    await this.#switchTo(`${this.#path}.incoming`);
  }

  /** Removes what a crash left half written. What is left is there to stay: after a kill its name may stand in the system's cache alone. */
  async clean(): Promise<void> {
    await this.#disk.remove(`${this.#path}.tmp`);
    await this.#disk.remove(`${this.#path}.incoming`);
    await this.#disk.syncFolder(this.#folder);
  }

  async #switchTo(beside: string): Promise<void> {
    await this.#disk.rename(beside, this.#path);
    await this.#disk.syncFolder(this.#folder);
  }

  async #writeFile(
    beside: string,
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#disk.remove(beside);
    const file = await this.#disk.open(beside, { create: true });
    try {
      const writer = new PartWriter(file, this.#sealer);
      await writer.add({ kind: "meta", meta });
      for await (const chunk of chunks) {
        signal.throwIfAborted();
        invariant(chunk.length <= snapshotChunkBytesMax, "snapshot chunk size", { bytes: chunk.length });
        await writer.add({ kind: "chunk", chunk });
      }
      await writer.add({ kind: "end", chunks: writer.chunks });
      await writer.finish();
    } finally {
      await file.close();
    }
  }

  /** The snapshot there is; undefined when there is none. It stays readable when a newer one takes its place. */
  async open(): Promise<OpenedSnapshot | undefined> {
    if (!(await this.#disk.list(this.#folder)).includes("snapshot")) return undefined;
    const file = await this.#disk.open(this.#path);
    const parts = this.#read(file);
    const first = await parts.next();
    if (first.done || first.value.kind !== "meta") {
      await parts.return(undefined);
      throw new LogDamagedError(this.#path, fileHeaderBytes, "it does not say what it is of");
    }
    const close = async (): Promise<void> => void (await parts.return(undefined));
    return { meta: first.value.meta, chunks: this.#chunks(parts), close };
  }

  async *#chunks(parts: AsyncGenerator<SnapshotPart>): AsyncGenerator<Uint8Array> {
    for await (const part of parts) if (part.kind === "chunk") yield part.chunk;
  }

  /** All parts up to the end; throws at the first thing that is not right. Closes the file. */
  async *#read(file: DiskFile): AsyncGenerator<SnapshotPart> {
    try {
      checkHeader(this.#path, await file.read(fileHeaderBytes, 0), "snapshot", 0);
      let chunks = 0;
      for (let at = fileHeaderBytes, sequence = 1; ; sequence++) {
        const { part, end } = await this.#readPart(file, at, sequence);
        if (part.kind === "end" && part.chunks !== chunks) {
          throw new LogDamagedError(this.#path, at, `it has ${chunks} of its ${part.chunks} chunks`);
        }
        yield part;
        if (part.kind === "end") return;
        if (part.kind === "chunk") chunks += 1;
        at = end;
      }
    } finally {
      await file.close();
    }
  }

  async #readPart(file: DiskFile, at: number, sequence: number): Promise<{ part: SnapshotPart; end: number }> {
    const length = announcedPayloadBytes(await file.read(frameHeaderBytes, at));
    const frame = length && readFrame(await file.read(frameBytes(length), at), 0);
    if (!frame || frame.sequence !== sequence) throw new LogDamagedError(this.#path, at, "a record is bad or missing");
    return { part: this.#decode(frame.payload, at), end: at + frame.end };
  }

  #decode(payload: Uint8Array, at: number): SnapshotPart {
    let opened: Uint8Array;
    try {
      opened = this.#sealer.open(payload);
    } catch (error) {
      throw new WrongKeyError(this.#path, at, error);
    }
    try {
      return decodePart(opened);
    } catch (error) {
      throw new LogDamagedError(this.#path, at, messageOf(error));
    }
  }
}

class PartWriter {
  readonly #file: DiskFile;
  readonly #sealer: Sealer;
  #gathered: Uint8Array[] = [encodeHeader("snapshot", 0)];
  #gatheredBytes = fileHeaderBytes;
  #unsyncedBytes = 0;
  #at = 0;
  #sequence = 0;
  chunks = 0;

  constructor(file: DiskFile, sealer: Sealer) {
    this.#file = file;
    this.#sealer = sealer;
  }

  async add(part: SnapshotPart): Promise<void> {
    this.#sequence += 1;
    if (part.kind === "chunk") this.chunks += 1;
    const frame = encodeFrame(this.#sequence, this.#sealer.seal(encodePart(part)));
    this.#gathered.push(frame);
    this.#gatheredBytes += frame.length;
    if (this.#gatheredBytes >= writeBytes) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#file.write(bytes, this.#at);
    this.#at += bytes.length;
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes < syncBytes) return;
    await this.#file.sync();
    this.#unsyncedBytes = 0;
  }
}
