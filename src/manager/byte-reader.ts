// Bytes that arrive in pieces of any size, taken in pieces of the size one wants.

export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Read and not yet taken. */
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes taken so far. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `count` bytes; undefined when the source ends before. */
  async take(count: number): Promise<Uint8Array | undefined> {
    while (this.#held < count) if (!(await this.#more())) return undefined;
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all.subarray(count)];
    this.#held -= count;
    this.position += count;
    return all.subarray(0, count);
  }

  /** Everything up to the first `byte`, which is included; undefined when it is not among the next `countMax`. */
  async takeThrough(byte: number, countMax: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const at = Buffer.concat(this.#pieces).indexOf(byte);
      if (at >= 0) return at < countMax ? this.take(at + 1) : undefined;
      if (this.#held >= countMax || !(await this.#more())) return undefined;
    }
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#held === 0) if (!(await this.#more())) return true;
    return false;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    this.#pieces.push(value);
    this.#held += value.length;
    return true;
  }
}
