// HTTP/1.1 answers from bytes: pure, fed piece by piece. Node's own client costs 10 ms of a command's start; this is what
// a daemon's answers need: Content-Length, chunks, and bodies that end with the connection.

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Piece =
  | { readonly kind: "head"; readonly head: ResponseHead }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" /** The connection may carry another request. */; readonly reusable: boolean };

type State =
  | { readonly at: "head" }
  | { readonly at: "body"; readonly left: number }
  | { readonly at: "chunkSize" }
  | { readonly at: "chunk"; readonly left: number }
  | { readonly at: "chunkEnd" }
  | { readonly at: "trailer" }
  | { readonly at: "untilClose" }
  | { readonly at: "done" };

/** Docker's own limit for headers. */
const headBytesMax = 1024 * 1024;
const chunkSizeBytesMax = 1024;

export class ResponseParser {
  private readonly isHead: boolean;
  private state: State = { at: "head" };
  private held: Buffer = Buffer.alloc(0);
  private closes = false;

  /** `method` of the request: what HEAD is answered has no body whatever its headers say. */
  constructor(method: string) {
    this.isHead = method === "HEAD";
  }

  /** @throws Error when this is no HTTP */
  push(bytes: Uint8Array): readonly Piece[] {
    this.held = this.held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.held, bytes]);
    const pieces: Piece[] = [];
    for (let found = this.step(); found !== undefined; found = this.step()) pieces.push(...found);
    return pieces;
  }

  /** The connection ended. @throws Error when the answer had not */
  close(): readonly Piece[] {
    if (this.state.at === "done") return [];
    if (this.state.at !== "untilClose") throw new Error("the daemon closed the connection in the middle of its answer");
    this.state = { at: "done" };
    return [{ kind: "end", reusable: false }];
  }

  /** What one step found; undefined: it needs more bytes. */
  private step(): readonly Piece[] | undefined {
    switch (this.state.at) {
      case "head":
        return this.readHead();
      case "body":
        return this.readBody(this.state.left);
      case "chunkSize":
        return this.readChunkSize();
      case "chunk":
        return this.readChunk(this.state.left);
      case "chunkEnd":
        return this.skipLine({ at: "chunkSize" });
      case "trailer":
        return this.readTrailer();
      case "untilClose":
        return this.readRest();
      case "done":
        return undefined;
      default:
        return this.state satisfies never;
    }
  }

  private readHead(): readonly Piece[] | undefined {
    const end = this.held.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.held.length > headBytesMax) throw new Error("the answer's headers are too long");
      return undefined;
    }
    const head = parseHead(this.take(end).toString("latin1"));
    this.take(4);
    if (head.status < 200) return [];
    this.closes = head.headers["connection"]?.toLowerCase() === "close";
    return [{ kind: "head", head }, ...this.startBody(head)];
  }

  private startBody({ status, headers }: ResponseHead): readonly Piece[] {
    if (this.isHead || status === 204 || status === 304) return this.finish();
    if (headers["transfer-encoding"]?.toLowerCase() === "chunked") {
      this.state = { at: "chunkSize" };
      return [];
    }
    const length = headers["content-length"];
    if (length === undefined) {
      this.state = { at: "untilClose" };
      return [];
    }
    if (!/^\d{1,15}$/.test(length)) throw new Error(`bad Content-Length: ${length}`);
    if (Number(length) === 0) return this.finish();
    this.state = { at: "body", left: Number(length) };
    return [];
  }

  private readBody(left: number): readonly Piece[] | undefined {
    if (this.held.length === 0) return undefined;
    const bytes = this.take(Math.min(left, this.held.length));
    if (bytes.length === left) return [{ kind: "data", bytes }, ...this.finish()];
    this.state = { at: "body", left: left - bytes.length };
    return [{ kind: "data", bytes }];
  }

  private readChunkSize(): readonly Piece[] | undefined {
    const line = this.takeLine();
    if (line === undefined) return undefined;
    const size = /^[0-9a-fA-F]{1,12}(?=\s*(;|$))/.exec(line)?.[0];
    if (size === undefined) throw new Error(`bad chunk size: ${JSON.stringify(line.slice(0, 20))}`);
    const left = Number.parseInt(size, 16);
    this.state = left === 0 ? { at: "trailer" } : { at: "chunk", left };
    return [];
  }

  private readChunk(left: number): readonly Piece[] | undefined {
    if (this.held.length === 0) return undefined;
    const bytes = this.take(Math.min(left, this.held.length));
    this.state = bytes.length === left ? { at: "chunkEnd" } : { at: "chunk", left: left - bytes.length };
    return [{ kind: "data", bytes }];
  }

  private readTrailer(): readonly Piece[] | undefined {
    const line = this.takeLine();
    if (line === undefined) return undefined;
    return line === "" ? this.finish() : [];
  }

  private readRest(): readonly Piece[] | undefined {
    return this.held.length === 0 ? undefined : [{ kind: "data", bytes: this.take(this.held.length) }];
  }

  private skipLine(next: State): readonly Piece[] | undefined {
    if (this.takeLine() === undefined) return undefined;
    this.state = next;
    return [];
  }

  private finish(): readonly Piece[] {
    this.state = { at: "done" };
    return [{ kind: "end", reusable: !this.closes && this.held.length === 0 }];
  }

  private takeLine(): string | undefined {
    const end = this.held.indexOf("\r\n");
    if (end < 0) {
      if (this.held.length > chunkSizeBytesMax) throw new Error("a chunk's size line is too long");
      return undefined;
    }
    const line = this.take(end).toString("latin1");
    this.take(2);
    return line;
  }

  private take(length: number): Buffer {
    const bytes = this.held.subarray(0, length);
    this.held = this.held.subarray(length);
    return bytes;
  }
}

function parseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new Error(`this is no HTTP: ${JSON.stringify(first.slice(0, 40))}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(":");
    if (at <= 0) throw new Error(`bad header: ${JSON.stringify(line.slice(0, 40))}`);
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  return { status: Number(status), headers };
}

/** The request's bytes. Header values come from us and from paths already encoded: a line break in one is a bug. */
export function requestText(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): string {
  const length =
    body === undefined && method !== "POST" ? {} : { "Content-Length": String(Buffer.byteLength(body ?? "")) };
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}`),
  ];
  for (const line of lines) {
    if (/[\r\n]/.test(line)) throw new Error("a line break in a request's header");
  }
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
