// One unary call: with a deadline, ended by the caller's signal, its failure in clear words.

import { type CallOptions, type Client, type ClientUnaryCall, Metadata, type ServiceError } from "@grpc/grpc-js";
import { dialError } from "./dial-error.js";

/** Starts the call on a generated client. */
type Start<Response> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export interface UnaryOptions {
  readonly addr: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Calls, then closes the client: it was made for this call. */
export async function callOnce<Response>(
  client: Client,
  start: Start<Response>,
  { addr, deadlineMs, signal }: UnaryOptions,
): Promise<Response> {
  let cancel = (): void => {};
  try {
    signal.throwIfAborted();
    return await new Promise<Response>((resolve, reject) => {
      const call = start(new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) => {
        if (error) reject(signal.aborted ? (signal.reason as Error) : dialError(error, addr));
        else resolve(response);
      });
      cancel = () => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
  } finally {
    signal.removeEventListener("abort", cancel);
    client.close();
  }
}
