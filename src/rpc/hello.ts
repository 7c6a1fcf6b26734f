// What a peer says before anybody answers it: read, so that its going is noticed at once, and put back for the handshake.

import type net from "node:net";

/** The first flight of a TLS client; Node's own is below 2 kB. */
const helloBytesMax = 16 * 1024;

export class Hello {
  readonly #socket: net.Socket;
  readonly #chunks: Buffer[] = [];
  readonly #onData: (chunk: Buffer) => void;
  readonly #onEnd = (): void => void this.#socket.destroy();
  #bytes = 0;

  /** `said` is called at its first bytes. Who goes or says more than a hello is cut off. */
  constructor(socket: net.Socket, said: () => void) {
    this.#socket = socket;
    this.#onData = (chunk) => {
      this.#bytes += chunk.length;
      this.#chunks.push(chunk);
      if (this.#bytes > helloBytesMax) socket.destroy();
      else if (this.#chunks.length === 1) said();
    };
    socket.on("data", this.#onData).on("end", this.#onEnd);
  }

  /** The socket is as if nothing had been read. */
  putBack(): void {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).pause();
    for (const chunk of this.#chunks.splice(0).reverse()) this.#socket.unshift(chunk);
  }
}
