// Waiting for what the cluster will do by itself.

export interface EventuallyOptions {
  /** What is waited for, for the message. */
  readonly what: string;
  readonly withinMs: number;
  /** Between two looks; 50 ms when absent. */
  readonly everyMs?: number;
}

/**
 * Looks until `look` neither throws nor returns false, null or undefined; answers with what it returned and how long it
 * took. After the bound it fails with what the last look said.
 */
export async function eventually<T>(
  look: () => Promise<T> | T,
  { what, withinMs, everyMs = 50 }: EventuallyOptions,
): Promise<{ readonly value: NonNullable<T>; readonly tookMs: number }> {
  const from = performance.now();
  for (;;) {
    let last: unknown;
    try {
      const value = await look();
      last = value;
      if (value !== undefined && value !== null && value !== false) return { value, tookMs: performance.now() - from };
    } catch (error) {
      last = error;
    }
    if (performance.now() - from > withinMs) {
      const said = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${said}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
