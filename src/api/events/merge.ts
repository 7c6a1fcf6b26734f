// Several streams as one, in the order in which they have something.

/** Ends when all have ended or `signal` aborts; one that fails ends all. */
export async function* merge<T>(
  sources: readonly AsyncIterable<T>[],
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const pending = new Map(iterators.map((iterator) => [iterator, turn(iterator)] as const));
  const aborted = whenAborted(signal);
  try {
    while (pending.size > 0) {
      const next = await Promise.race([...pending.values(), aborted.promise]);
      if (next === undefined) return;
      if (next.result.done) {
        pending.delete(next.iterator);
        continue;
      }
      pending.set(next.iterator, turn(next.iterator));
      yield next.result.value;
    }
  } finally {
    aborted.stop();
    for (const iterator of pending.keys()) iterator.return?.()?.catch(ignore);
    for (const waiting of pending.values()) waiting.catch(ignore);
  }
}

interface Turn<T> {
  readonly iterator: AsyncIterator<T>;
  readonly result: IteratorResult<T, unknown>;
}

async function turn<T>(iterator: AsyncIterator<T>): Promise<Turn<T>> {
  return { iterator, result: await iterator.next() };
}

function whenAborted(signal: AbortSignal): { readonly promise: Promise<undefined>; stop(): void } {
  let stop = ignore;
  const promise = new Promise<undefined>((resolve) => {
    const end = (): void => resolve(undefined);
    if (signal.aborted) return end();
    signal.addEventListener("abort", end, { once: true });
    stop = (): void => signal.removeEventListener("abort", end);
  });
  return { promise, stop: () => stop() };
}

/** The stream has ended already; what its sources say afterwards concerns nobody. */
function ignore(): void {}
