// The state of the simulated members: the list of what was written, each with its index.

import type { CommittedEntry, StateMachine } from "../../raft/index.js";

export interface Write {
  readonly index: number;
  readonly text: string;
}

/** Writes in one chunk of a snapshot. */
const writesPerChunk = 20;

export class WriteList implements StateMachine {
  writes: Write[] = [];
  readonly #onApply: (entry: CommittedEntry, text: string) => void;
  readonly #onRestore: (writes: readonly Write[]) => void;

  constructor(onApply: (entry: CommittedEntry, text: string) => void, onRestore: (writes: readonly Write[]) => void) {
    this.#onApply = onApply;
    this.#onRestore = onRestore;
  }

  /** Of the last write. */
  get index(): number {
    return this.writes.at(-1)?.index ?? 0;
  }

  apply(entry: CommittedEntry): void {
    const text = Buffer.from(entry.data).toString();
    this.writes.push({ index: entry.index, text });
    this.#onApply(entry, text);
  }

  *#encode(writes: readonly Write[]): Generator<Uint8Array> {
    for (let at = 0; at < writes.length; at += writesPerChunk) {
      yield Buffer.from(JSON.stringify(writes.slice(at, at + writesPerChunk)));
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#encode([...this.writes]);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const writes: Write[] = [];
    for await (const chunk of chunks) writes.push(...(JSON.parse(Buffer.from(chunk).toString()) as Write[]));
    this.writes = writes;
    this.#onRestore(writes);
  }
}
