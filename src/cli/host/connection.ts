// One socket to a daemon, one request on it at a time.
import type { Socket } from "node:net";
import type { HttpRequest, HttpResponse } from "../world.js";
import { type Piece, ResponseParser, requestText } from "./http1.js";

/** More pieces than this unread, and the socket waits. */
const piecesMax = 64;

export class Connection {
  private readonly socket: Socket;
  private readonly onIdle: (connection: Connection) => void;
  private parser: ResponseParser | undefined;
  private pieces: Piece[] = [];
  private failure: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(socket: Socket, onIdle: (connection: Connection) => void) {
    this.socket = socket;
    this.onIdle = onIdle;
    socket.on("data", (bytes) => this.receive(bytes));
    socket.on("error", (error) => this.fail(error));
    socket.on("close", () => this.ended());
  }

  get isOpen(): boolean {
    return this.failure === undefined && !this.socket.destroyed;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const { method, path, headers, body, signal } = request;
    this.parser = new ResponseParser(method);
    this.pieces = [];
    this.socket.ref();
    const stop = (): void => this.fail(signal?.reason instanceof Error ? signal.reason : new Error("stopped"));
    if (signal?.aborted === true) stop();
    signal?.addEventListener("abort", stop, { once: true });
    if (this.isOpen) this.socket.write(requestText(method, path, { Host: "api.skep.localhost", ...headers }, body));
    const piece = await this.next();
    if (piece.kind !== "head") throw new Error("an answer without a head");
    return { ...piece.head, body: this.body(() => signal?.removeEventListener("abort", stop)) };
  }

  /** Leaving it early ends the connection. */
  private async *body(done: () => void): AsyncGenerator<Uint8Array> {
    let reusable = false;
    try {
      for (;;) {
        const piece = await this.next();
        if (piece.kind === "data") yield piece.bytes;
        if (piece.kind !== "end") continue;
        reusable = piece.reusable;
        return;
      }
    } finally {
      done();
      this.release(reusable);
    }
  }

  /** A socket that only waits for a next request does not keep the process alive. */
  private release(reusable: boolean): void {
    this.parser = undefined;
    if (!reusable || !this.isOpen) {
      this.socket.destroy();
      return;
    }
    this.socket.unref();
    this.onIdle(this);
  }

  private async next(): Promise<Piece> {
    for (;;) {
      const piece = this.pieces.shift();
      if (piece !== undefined) return piece;
      if (this.failure !== undefined) throw this.failure;
      if (this.socket.isPaused()) this.socket.resume();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private receive(bytes: Uint8Array): void {
    this.guard(() => this.parser?.push(bytes) ?? []);
    if (this.pieces.length > piecesMax) this.socket.pause();
  }

  private ended(): void {
    this.guard(() => this.parser?.close() ?? []);
    this.failure ??= new Error("the daemon closed the connection");
    this.wake?.();
  }

  private guard(parse: () => readonly Piece[]): void {
    try {
      this.pieces.push(...parse());
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.wake?.();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.socket.destroy();
    this.wake?.();
  }
}
