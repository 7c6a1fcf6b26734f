// Work spread over threads of this process: the same program runs in each and serves tasks, one at a time.

import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** Is this the program itself, and not one of its threads? */
export { isMainThread };

/** In a thread: does what it is told, until the program ends it. */
export function serve<Task, Result>(work: (task: Task) => Promise<Result>): void {
  parentPort?.on("message", (task: Task) => {
    void work(task).then((result) => parentPort?.postMessage(result));
  });
}

export interface Threads {
  readonly program: URL;
  /** What a thread finds where the program finds its own. */
  readonly args: readonly string[];
  readonly count: number;
  /** After so many a thread makes room for a fresh one: what a simulated process waited for in vain is kept as long as its thread. */
  readonly tasksMax?: number;
}

/** Hands out the tasks to threads that run `program`; resolves once all are done. A thread that breaks ends it all. */
export async function inThreads<Task, Result>(
  { program, args, count, tasksMax = Number.POSITIVE_INFINITY }: Threads,
  tasks: Iterator<Task>,
  onResult: (result: Result) => Promise<void> | void,
): Promise<void> {
  const one = async (): Promise<void> => {
    const begin = (): Worker => new Worker(program, { argv: [...args] });
    let thread = begin();
    let taken = 0;
    try {
      for (let next = tasks.next(); next.done !== true; next = tasks.next()) {
        if (taken === tasksMax) {
          await thread.terminate();
          [thread, taken] = [begin(), 0];
        }
        taken += 1;
        await onResult(await ask<Task, Result>(thread, next.value));
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: count }, one));
}

function ask<Task, Result>(thread: Worker, task: Task): Promise<Result> {
  return new Promise((resolve, reject) => {
    thread.once("error", reject);
    thread.once("message", (result: Result) => {
      thread.off("error", reject);
      resolve(result);
    });
    thread.postMessage(task);
  });
}
