// Arithmetic of generic resources: what a node offers by kind, what a task claims of it (swarm-semantics §5.7).
// A kind is either a count (`ssd=3`) or a set of names (`gpu=UUID1,UUID2`); tasks ask for counts and are given names.

import type { GenericResource } from "../gen/skep/v1/specs.js";

/** How many of a kind there are: a count, or the number of names. */
export function amountOf(resources: readonly GenericResource[], kind: string): number {
  let amount = 0;
  for (const resource of resources) if (resource.kind === kind) amount += countOf(resource);
  return amount;
}

/** Whether `available` covers every count in `wanted`. */
export function coversGeneric(available: readonly GenericResource[], wanted: readonly GenericResource[]): boolean {
  return wanted.every(({ kind }) => amountOf(available, kind) >= amountOf(wanted, kind));
}

export interface Claim {
  /** What the task gets: names where the node has names, else counts. */
  readonly claimed: readonly GenericResource[];
  readonly left: readonly GenericResource[];
}

/** Takes `wanted` out of `available`, which must cover it; names are taken in the order they are listed. */
export function claimGeneric(available: readonly GenericResource[], wanted: readonly GenericResource[]): Claim {
  return wanted.reduce<Claim>(
    (claim, want) => {
      const next = claimKind(claim.left, want.kind, countOf(want));
      return { claimed: [...claim.claimed, ...next.claimed], left: next.left };
    },
    { claimed: [], left: available },
  );
}

/** Takes exactly what is listed out of `available`: names by name, counts by count; what is not there is ignored. */
export function withoutGeneric(
  available: readonly GenericResource[],
  taken: readonly GenericResource[],
): readonly GenericResource[] {
  return taken.reduce((left, resource) => {
    const amount = resource.amount;
    if (amount?.$case !== "named") return claimKind(left, resource.kind, countOf(resource)).left;
    return left.filter((each) => each.kind !== resource.kind || nameOf(each) !== amount.value);
  }, available);
}

/** Whether a node still has each thing it once gave: names by name, counts by count. */
export function stillHasGeneric(offered: readonly GenericResource[], given: readonly GenericResource[]): boolean {
  return given.every((resource) => {
    const name = nameOf(resource);
    if (name === undefined) return amountOf(offered, resource.kind) >= amountOf(given, resource.kind);
    return offered.some((each) => each.kind === resource.kind && nameOf(each) === name);
  });
}

function claimKind(available: readonly GenericResource[], kind: string, count: number): Claim {
  const claimed: GenericResource[] = [];
  const left: GenericResource[] = [];
  let missing = count;
  for (const resource of available) {
    const take = resource.kind === kind ? Math.min(missing, countOf(resource)) : 0;
    missing -= take;
    if (take === 0) left.push(resource);
    else if (nameOf(resource) !== undefined) claimed.push(resource);
    else {
      claimed.push(discrete(kind, take));
      if (countOf(resource) > take) left.push(discrete(kind, countOf(resource) - take));
    }
  }
  return { claimed, left };
}

function countOf(resource: GenericResource): number {
  if (resource.amount === undefined) return 0;
  return resource.amount.$case === "named" ? 1 : resource.amount.value;
}

function nameOf(resource: GenericResource): string | undefined {
  return resource.amount?.$case === "named" ? resource.amount.value : undefined;
}

function discrete(kind: string, value: number): GenericResource {
  return { kind, amount: { $case: "discrete", value } };
}
