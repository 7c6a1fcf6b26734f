// A connection to the engine that listens to the end. The engine may answer and close before it has read all it was sent;
// node would then report the broken write and drop the answer that is already there.

import { Socket } from "node:net";

const broken: ReadonlySet<unknown> = new Set(["EPIPE", "ECONNRESET"]);

type Done = (error?: Error | null) => void;

/** Writes into a connection that the other side has closed go nowhere; what it said is still read, its end too. */
class PatientSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, patient(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.(chunks, patient(done));
  }
}

/** Where node connects to. */
export type Connection = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export function connectPatiently(connection: Connection): Socket {
  const target = "socketPath" in connection ? { path: connection.socketPath } : connection;
  return new PatientSocket().connect({ ...target, noDelay: true });
}

function patient(done: Done): Done {
  return (error) => done(error && broken.has((error as NodeJS.ErrnoException).code) ? null : error);
}
