// Everything outside that the CLI touches, so that a test can be the terminal, the clock and the daemon.

export interface Output {
  readonly isTerminal: boolean;
  /** Columns of the terminal, 80 where there is none. */
  readonly columns: number;
  write(text: string | Uint8Array): void;
}

export interface Input {
  readonly isTerminal: boolean;
  /** All of it, up to the end. */
  readAll(): Promise<string>;
  /** One line, not shown while it is typed. */
  readSecret(prompt: string): Promise<string>;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Instead of `body`: sent as it comes, of any size. */
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** TLS as docker's flags give it: paths of PEM files. */
export interface TlsFiles {
  readonly verify: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: TlsFiles };

/** Rejects with the operating system's error (its `code`) when nobody answers. */
export type Transport = (address: Address, request: HttpRequest) => Promise<HttpResponse>;

export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly transport: Transport;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that only goes forward. */
  monotonic(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back on Ctrl-C until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
  readFile(path: string): Promise<string>;
  /** A file of any size, piece by piece. Rejects with the operating system's error before the first one. */
  openFile(path: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * A new file only its owner may read, there whole or not at all; one that is there already is replaced. Resolves with its
   * length in bytes.
   */
  writeSecretFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number>;
  /** Runs `skep daemon`, which lives in a bundle of its own. */
  runDaemon(argv: readonly string[]): Promise<number>;
}
