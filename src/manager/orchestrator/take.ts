// Some of what was noted, taken out of where it was noted: the rest is for the next transaction.

/** The first `max` keys, which are no longer in it. */
export function take<K>(from: Set<K>, max: number): readonly K[] {
  const taken = first(from, max);
  for (const key of taken) from.delete(key);
  return taken;
}

/** The first `max` entries, which are no longer in it. */
export function takeEntries<K, V>(from: Map<K, V>, max: number): readonly (readonly [K, V])[] {
  const taken = first(from, max);
  for (const [key] of taken) from.delete(key);
  return taken;
}

function first<T>(all: Iterable<T>, max: number): readonly T[] {
  const taken: T[] = [];
  for (const each of all) {
    if (taken.length >= max) break;
    taken.push(each);
  }
  return taken;
}
