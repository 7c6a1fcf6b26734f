// What one node publishes → lines that may go out: only of tasks that are its own and were asked for (L1), and never waited
// for longer than its silence is believed (L2).

import { type Clock, SwarmError } from "../../base/index.js";
import type { LogBatch, LogFailure, LogLine } from "../../gen/skep/v1/logs.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";

export interface SwarmLine {
  readonly timestamp: string;
  readonly nodeId: string;
  readonly serviceId: string;
  readonly taskId: string;
  /** A line, or, while following, what is missing from here on. */
  readonly said:
    | { readonly $case: "line"; readonly line: LogLine }
    | { readonly $case: "warning"; readonly text: string };
}

export interface PublishedOptions {
  readonly nodeId: string;
  /** A task as it is now, if it was asked for. */
  readonly taskOf: (taskId: string) => Task | undefined;
  readonly failed: (failure: LogFailure) => void;
  /** Given up after this; undefined: silence means nothing. */
  readonly silentMs: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Ends where the node ends; throws when it is silent, or says what it must not. */
export async function* publishedLines(
  batches: AsyncIterator<LogBatch>,
  options: PublishedOptions,
): AsyncGenerator<readonly SwarmLine[], void, void> {
  const serviceIds = new Map<string, string>();
  try {
    for (;;) {
      const step = await nextWithin(batches, options);
      if (step.done) return;
      const { lines, failures } = step.value;
      for (const failure of failures) options.failed(failure);
      const checked: SwarmLine[] = [];
      for (const line of lines) {
        const serviceId = serviceIds.get(line.taskId) ?? ownerOf(line.taskId, options);
        // It is of another service, or gone, or about to be: a client that asks whose line it has would find nothing.
        if (serviceId === undefined) continue;
        serviceIds.set(line.taskId, serviceId);
        const { timestamp, taskId } = line;
        checked.push({ timestamp, nodeId: options.nodeId, serviceId, taskId, said: { $case: "line", line } });
      }
      yield checked;
    }
  } finally {
    // It may be waiting for a batch that never comes.
    void batches.return?.().then(undefined, () => undefined);
  }
}

function ownerOf(taskId: string, { nodeId, taskOf }: PublishedOptions): string | undefined {
  const task = taskOf(taskId);
  if (task !== undefined && task.nodeId !== nodeId) {
    throw new SwarmError(
      "PermissionDenied",
      `task ${taskId} is not one of node ${nodeId}: it may not publish its logs`,
    );
  }
  return task?.desiredState === TaskState.REMOVE ? undefined : task?.serviceId;
}

export function nextWithin(
  batches: AsyncIterator<LogBatch>,
  { silentMs, clock, signal }: Pick<PublishedOptions, "silentMs" | "clock" | "signal">,
): Promise<IteratorResult<LogBatch>> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    const late = (): void => reject(new SwarmError("DeadlineExceeded", `the node was silent for ${silentMs ?? 0} ms`));
    const timer = silentMs === undefined ? undefined : clock.after(silentMs, late);
    signal.addEventListener("abort", stop, { once: true });
    batches
      .next()
      .finally(() => {
        timer?.cancel();
        signal.removeEventListener("abort", stop);
      })
      .then(resolve, reject);
  });
}
