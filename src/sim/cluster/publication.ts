// The lines of a log subscription on a host's network line: one batch at a time, as bytes, beside the session and as mortal.

import { Queue, SwarmError } from "../../base/index.js";
import { LogBatch } from "../../gen/skep/v1/logs.js";
import type { SimProgram } from "./program.js";

/** One under way, one read. */
const queueMax = 2;

export type PublishAccept = (batches: AsyncIterable<LogBatch>, signal: AbortSignal) => Promise<void>;

export interface PublicationEnds {
  readonly agent: SimProgram;
  readonly manager: SimProgram;
  readonly accept: PublishAccept;
  readonly carry: (way: "there" | "back", fn: () => void) => void;
}

/** What `rpc` does for gRPC: resolves when the manager has all, or wants no more; `signal` breaks it off. */
export function publishOver(
  { agent, manager, accept, carry }: PublicationEnds,
  batches: AsyncIterable<LogBatch>,
  signal: AbortSignal,
): Promise<void> {
  return agent.call(
    () =>
      new Promise<void>((resolve, reject) => {
        const toManager = new Queue<LogBatch>("log batches to the manager", queueMax);
        const gone = new AbortController();
        let answered = (): void => {};
        let isOver = false;
        const end = (settle: () => void): void => {
          isOver = true;
          for (const forget of forgets) forget();
          signal.removeEventListener("abort", breakOff);
          answered();
          settle();
        };
        const breakOff = (): void => {
          carry("there", () => manager.run(() => abandon(signal.reason)));
          end(() => reject(signal.reason as Error));
        };
        const abandon = (reason: unknown): void => {
          gone.abort(reason);
          toManager.end(reason instanceof Error ? reason : new Error(String(reason)));
        };
        signal.addEventListener("abort", breakOff, { once: true });
        const forgets = [
          agent.onEnd(() => carry("there", () => manager.run(() => abandon(brokenOff())))),
          manager.onEnd(() => carry("back", () => agent.run(() => isOver || end(() => reject(brokenOff()))))),
        ];
        carry("there", () =>
          manager.run(() => {
            accept(
              read(toManager, () => carry("back", () => agent.run(answered))),
              gone.signal,
            ).then(
              () => carry("back", () => agent.run(() => isOver || end(resolve))),
              (error: Error) => carry("back", () => agent.run(() => isOver || end(() => reject(error)))),
            );
          }),
        );
        const send = async (): Promise<void> => {
          for await (const batch of batches) {
            if (isOver || agent.isDead) return;
            const bytes = LogBatch.encode(batch).finish();
            const taken = new Promise<void>((taken) => (answered = taken));
            carry("there", () => manager.run(() => toManager.push(LogBatch.decode(bytes))));
            await taken;
            if (isOver || agent.isDead) return;
          }
          carry("there", () => manager.run(() => toManager.end()));
        };
        send().catch((error: unknown) => isOver || end(() => reject(error as Error)));
      }),
  );
}

async function* read(batches: AsyncIterable<LogBatch>, onDone: () => void): AsyncGenerator<LogBatch, void, void> {
  for await (const batch of batches) {
    yield batch;
    onDone();
  }
}

function brokenOff(): SwarmError {
  return new SwarmError("Unavailable", "the connection broke off");
}
