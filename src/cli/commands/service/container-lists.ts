// Lists that an update changes entry by entry.

/** `name:ip` as flags have it to `ip name` as the spec has it. */
export function hostEntry(flag: string): string {
  const at = flag.indexOf(":");
  return `${flag.slice(at + 1)} ${flag.slice(0, at)}`;
}

/** A value given again replaces the earlier of its name where that stood; new names come last. */
export function changedEnv(before: readonly string[], added: readonly string[], removed: readonly string[]): string[] {
  const env = new Map(before.map((entry) => [nameOf(entry), entry]));
  for (const entry of added) env.set(nameOf(entry), entry);
  for (const name of removed) env.delete(name);
  return [...env.values()];
}

function nameOf(entry: string): string {
  return entry.split("=")[0] ?? entry;
}

/** A sorted set: with the added, without the removed. */
export function changedSet(before: readonly string[], added: readonly string[], removed: readonly string[]): string[] {
  return [...new Set([...before, ...added])].filter((item) => !removed.includes(item)).sort();
}

export function changedRecord(
  before: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>>,
  removed: readonly string[],
): Record<string, string> {
  const entries = Object.entries({ ...before, ...added }).filter(([key]) => !removed.includes(key));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** `--host-rm name:ip` takes that pair away, `--host-rm name` every address of the name. */
export function changedHosts(
  before: readonly string[],
  added: readonly string[],
  removed: readonly string[],
): string[] {
  const kept = before.flatMap((entry) => withoutHosts(entry, removed));
  const fresh = added.map(hostEntry).filter((entry) => !kept.includes(entry));
  return [...kept, ...fresh];
}

function withoutHosts(entry: string, removed: readonly string[]): string[] {
  const [ip = "", ...names] = entry.split(/\s+/);
  const kept = names.filter((name) => !removed.some((gone) => gone === name || gone === `${name}:${ip}`));
  return kept.length === 0 ? [] : [`${ip} ${kept.join(" ")}`];
}

/** What docker makes of repeated `--env`: the last of a name wins and stands where it was given. */
export function lastOfEachName(entries: readonly string[]): string[] {
  return entries.filter((entry, index) => {
    const later = entries.slice(index + 1);
    return later.every((other) => other === entry || nameOf(other) !== nameOf(entry) || !entry.includes("="));
  });
}
