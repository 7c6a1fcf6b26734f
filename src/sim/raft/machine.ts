// The state of the simulated members: registers, and the list of what was written, each with its index.

import type { CommittedEntry, StateMachine } from "../../raft/index.js";
import { type RegisterInput, type RegisterOutput, registers } from "../register.js";

export interface Write {
  readonly index: number;
  readonly text: string;
}

export type Change = Exclude<RegisterInput, { readonly kind: "read" }>;

/** Writes in one chunk of a snapshot. */
const writesPerChunk = 20;

/** `nth` makes each text one of its own, `padding` some of them large. */
export function encodeChange(nth: number, change: Change, padding: number): string {
  const expected = change.kind === "swap" ? (change.expected ?? "-") : "";
  return [nth, change.kind, change.key, change.value, expected, "·".repeat(padding)].join(" ");
}

function decodeChange(text: string): Change | undefined {
  const [, kind, key = "", value = "", expected] = text.split(" ");
  if (kind === "write") return { kind, key, value };
  if (kind === "swap") return { kind, key, value, expected: expected === "-" ? undefined : expected };
  return undefined;
}

export class WriteList implements StateMachine {
  writes: Write[] = [];
  readonly #registers = new Map<string, string | undefined>();
  readonly #outputs = new Map<string, RegisterOutput>();
  readonly #onApply: (entry: CommittedEntry, text: string, before: Write | undefined) => void;
  readonly #onRestore: (writes: readonly Write[]) => void;

  constructor(
    onApply: (entry: CommittedEntry, text: string, before: Write | undefined) => void,
    onRestore: (writes: readonly Write[]) => void,
  ) {
    this.#onApply = onApply;
    this.#onRestore = onRestore;
  }

  /** Of the last write. */
  get index(): number {
    return this.writes.at(-1)?.index ?? 0;
  }

  read(key: string): string | undefined {
    return this.#registers.get(key);
  }

  /** What came of a change that was applied here. */
  outputOf(text: string): RegisterOutput {
    return this.#outputs.get(text);
  }

  apply(entry: CommittedEntry): void {
    const text = Buffer.from(entry.data).toString();
    const before = this.writes.at(-1);
    this.#take({ index: entry.index, text });
    this.#onApply(entry, text, before);
  }

  #take(write: Write): void {
    this.writes.push(write);
    const change = decodeChange(write.text);
    if (!change) return;
    const { state, output } = registers.apply(this.#registers.get(change.key), change);
    this.#registers.set(change.key, state);
    this.#outputs.set(write.text, output);
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
    this.writes = [];
    this.#registers.clear();
    for (const write of writes) this.#take(write);
    this.#onRestore(writes);
  }
}
