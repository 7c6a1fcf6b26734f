// What a peer says before anybody answers it: read, so that its going is noticed at once, and put back for the handshake.

import type net from "node:net";

/** The first flight of a TLS client; Node's own is below 2 kB. */
const helloBytesMax = 16 * 1024;
/** A TLS record: its kind, a handshake; version; length. */
const headerBytes = 5;
const handshakeKind = 0x16;

export class Hello {
  readonly #socket: net.Socket;
  readonly #onData: (chunk: Buffer) => void;
  readonly #onEnd = (): void => void this.#socket.destroy();
  #bytes: Buffer = Buffer.alloc(0);
  #isSaid = false;

  /** `said` is called once it is whole, or is none. Who goes or says more than a hello is cut off. */
  constructor(socket: net.Socket, said: () => void) {
    this.#socket = socket;
    this.#onData = (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      if (this.#bytes.length > helloBytesMax) socket.destroy();
      else if (!this.#isSaid && isWhole(this.#bytes)) {
        this.#isSaid = true;
        said();
      }
    };
    socket.on("data", this.#onData).on("end", this.#onEnd);
  }

  /** Whether a protocol is among those it wants to speak (ALPN: a name after its length). */
  offers(protocol: string): boolean {
    return this.#bytes.includes(`${String.fromCharCode(protocol.length)}${protocol}`, 0, "latin1");
  }

  /** The socket is as if nothing had been read. */
  putBack(): void {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).pause();
    this.#socket.unshift(this.#bytes);
  }
}

function isWhole(bytes: Buffer): boolean {
  if (bytes[0] !== handshakeKind) return true;
  return bytes.length >= headerBytes && bytes.length >= headerBytes + bytes.readUInt16BE(3);
}
