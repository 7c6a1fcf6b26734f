// Makes a plan that fails smaller, for as long as it still fails in the same way: fewer faults, then a calmer world.

import { CheckFailed } from "./checks.js";
import type { Plan } from "./plan.js";
import type { RaftRun } from "./run.js";

export interface Shrunk {
  readonly plan: Plan;
  readonly failure: Error;
  /** Plans that were tried. */
  readonly runs: number;
}

/** Tries at most; one takes some 20 ms, or as long as a liveness phase that ends in nothing. */
export const shrinkRunsMax = 300;

/** What stays the same while a plan shrinks. */
export function wayOf(failure: Error): string {
  return failure instanceof CheckFailed ? failure.property : (failure.message.split(/[:{(]/)[0] ?? "");
}

/** Undefined when `plan` does not fail. */
export async function shrink(plan: Plan, run: (plan: Plan) => Promise<RaftRun>): Promise<Shrunk | undefined> {
  const first = (await run(plan)).failure;
  if (!first) return undefined;
  const way = wayOf(first);
  let best: Shrunk = { plan, failure: first, runs: 1 };
  const take = async (smaller: Plan): Promise<boolean> => {
    if (best.runs >= shrinkRunsMax) return false;
    const { failure } = await run(smaller);
    best = { ...best, runs: best.runs + 1 };
    if (!failure || wayOf(failure) !== way) return false;
    best = { ...best, plan: smaller, failure };
    return true;
  };
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = await dropFaults(() => best.plan, take);
    for (const calm of calmer) {
      const smaller = { ...best.plan, ...calm(best.plan) };
      if (JSON.stringify(smaller) !== JSON.stringify(best.plan)) isSmaller = (await take(smaller)) || isSmaller;
    }
  }
  return best;
}

/** Half of them at once, then quarters, in the end one by one. */
async function dropFaults(best: () => Plan, take: (plan: Plan) => Promise<boolean>): Promise<boolean> {
  let isSmaller = false;
  for (let size = Math.ceil(best().faults.length / 2); size > 0; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < best().faults.length; ) {
      const { faults } = best();
      const isTaken = await take({ ...best(), faults: [...faults.slice(0, at), ...faults.slice(at + size)] });
      if (isTaken) isSmaller = true;
      else at += size;
    }
  }
  return isSmaller;
}

const calmer: readonly ((plan: Plan) => Partial<Plan>)[] = [
  ({ faults, safetyMs }) => ({ safetyMs: Math.min(safetyMs, (faults.at(-1)?.atMs ?? 0) + 100) }),
  ({ network }) => ({ network: { ...network, loss: 0 } }),
  ({ network }) => ({ network: { ...network, repeat: 0 } }),
  ({ network }) => ({ network: { ...network, isUnordered: false } }),
  ({ network }) => ({ network: { ...network, lies: 0 } }),
  ({ network }) => ({ network: { ...network, delayMsMax: 0.5 } }),
  () => ({ isForced: false }),
  () => ({ isEncoded: false }),
  () => ({ isImpatient: false }),
  () => ({ appendBytes: 200 }),
  () => ({ diskMs: 0 }),
  ({ survivals }) => ({ survivals: survivals.length > 1 ? ["nothing"] : survivals }),
  ({ members }) => ({ members: Math.min(members, 3) }),
  ({ members }) => ({ members: Math.max(members - 1, 1) }),
  ({ clientEveryMs }) => ({ clientEveryMs: Math.max(clientEveryMs, 60) }),
];
