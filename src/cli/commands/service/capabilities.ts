// `--cap-add` and `--cap-drop`: names made canonical; adding beats dropping; RESET forgets what the service had.

const all = "ALL";
const reset = "RESET";

export interface Capabilities {
  readonly added: readonly string[];
  readonly dropped: readonly string[];
}

/** net_admin to CAP_NET_ADMIN; ALL and RESET stay. */
function canonical(name: string): string {
  const upper = name.trim().toUpperCase();
  return upper === all || upper === reset || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

function setOf(names: readonly string[]): Set<string> {
  return new Set(names.map(canonical));
}

function sorted(names: ReadonlySet<string>): string[] {
  return [...names].sort();
}

export function capabilitiesToCreate(add: readonly string[], drop: readonly string[]): Capabilities {
  const [added, dropped] = [setOf(add), setOf(drop)];
  added.delete(reset);
  dropped.delete(reset);
  if (added.has(all)) added.forEach((name) => name !== all && added.delete(name));
  if (dropped.has(all)) dropped.forEach((name) => name !== all && dropped.delete(name));
  for (const name of added) dropped.delete(name);
  return { added: sorted(added), dropped: sorted(dropped) };
}

/** What is dropped now and was added before is only taken back, and the other way round. */
export function capabilitiesToUpdate(
  before: Capabilities,
  add: readonly string[],
  drop: readonly string[],
): Capabilities {
  const [toAdd, toDrop] = [setOf(add), setOf(drop)];
  const added = toAdd.delete(reset) ? new Set<string>() : setOf(before.added);
  const dropped = toDrop.delete(reset) ? new Set<string>() : setOf(before.dropped);
  for (const name of toDrop) {
    if (toAdd.has(name)) continue;
    if (!added.delete(name)) dropped.add(name);
  }
  for (const name of toAdd) {
    if (!dropped.delete(name)) added.add(name);
  }
  return capabilitiesToCreate([...added], [...dropped]);
}
