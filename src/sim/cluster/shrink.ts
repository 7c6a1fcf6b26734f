// Makes a plan that fails smaller, for as long as it still fails in the same way: fewer steps, then a smaller swarm.

import type { Plan, Step } from "./plan.js";
import { calm } from "./raft-lines.js";
import type { SeedResult } from "./run.js";

export interface Shrunk {
  readonly plan: Plan;
  readonly failure: string;
  /** Plans that were tried. */
  readonly runs: number;
}

/** Tries at most; one takes a tenth of a second, or some seconds when what is wanted never comes. */
const shrinkRunsMax = 120;

/** What stays the same while a plan shrinks: the rule, without names and numbers. */
export function wayOf(failure: string): string {
  const [first = ""] = failure.split("\n");
  const rule = first.replace(/^at [\d.]+ s: /, "");
  return rule.split(": ")[0]?.replace(/[\d.]+/g, "#") ?? "";
}

/** Undefined when `plan` does not fail. */
export async function shrink(plan: Plan, run: (plan: Plan) => Promise<SeedResult>): Promise<Shrunk | undefined> {
  const { failure: first } = await run(plan);
  if (first === undefined) return undefined;
  const way = wayOf(first);
  let best: Shrunk = { plan, failure: first, runs: 1 };
  const take = async (smaller: Plan): Promise<boolean> => {
    if (best.runs >= shrinkRunsMax) return false;
    const { failure } = await run(smaller);
    best = { ...best, runs: best.runs + 1 };
    if (failure === undefined || wayOf(failure) !== way) return false;
    best = { ...best, plan: smaller, failure };
    return true;
  };
  await dropSteps(() => best.plan, take);
  for (const calm of calmer) {
    const smaller = { ...best.plan, ...calm(best.plan) };
    if (JSON.stringify(smaller) !== JSON.stringify(best.plan)) await take(smaller);
  }
  await dropSteps(() => best.plan, take);
  return best;
}

/** Half of them at once, then quarters, in the end one by one. The time a dropped step took goes to the next. */
async function dropSteps(best: () => Plan, take: (plan: Plan) => Promise<boolean>): Promise<void> {
  for (let size = Math.ceil(best().steps.length / 2); size > 0; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < best().steps.length; ) {
      const { steps } = best();
      const isTaken = await take({ ...best(), steps: without(steps, at, size) });
      if (!isTaken) at += size;
    }
  }
}

function without(steps: readonly Step[], at: number, size: number): readonly Step[] {
  const lostMs = steps.slice(at, at + size).reduce((sum, { afterMs }) => sum + afterMs, 0);
  const [next, ...rest] = steps.slice(at + size);
  return [...steps.slice(0, at), ...(next ? [{ ...next, afterMs: next.afterMs + lostMs }] : []), ...rest];
}

const calmer: readonly ((plan: Plan) => Partial<Plan>)[] = [
  () => ({ isEncoded: false }),
  () => ({ isForced: false }),
  () => ({ mix: calm }),
  () => ({ linkDelayMs: 1 }),
  () => ({ snapshotEntries: 10_000 }),
  () => ({ stableMs: 1_500 }),
  () => ({ managers: 1 }),
  ({ managers }) => ({ managers: Math.min(managers, 3) }),
  ({ hosts }) => ({ hosts: Math.min(hosts, 3) }),
  ({ hosts }) => ({ hosts: Math.min(hosts, 1) }),
  () => ({ hosts: 0 }),
];
