// npm run sim -- [raft|cluster] --seeds A..B …: which simulation, and what it is asked for.

import { clusterMain, clusterThread } from "./cluster/main.js";
import { terminal } from "./host/terminal.js";
import { isMainThread } from "./host/threads.js";
import { raftMain, raftThread } from "./raft/main.js";

const usage = `usage: npm run sim -- [raft] --seeds A..B [--jobs N] [--seconds S] [--stack]
       npm run sim -- cluster --seeds A..B [--jobs N] [--seconds S] [--steps N] [--trace] [--stack]
       npm run sim -- cluster --plan JSON [--trace] [--stack]`;

async function main(args: readonly string[]): Promise<void> {
  const after = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const has = (flag: string): boolean => args.includes(flag);
  const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(after("--seeds") ?? "") ?? [];
  const plan = args[0] === "cluster" ? after("--plan") : undefined;
  if (from === undefined && plan === undefined) {
    terminal.say(usage);
    return terminal.fail();
  }
  const [first, last] = [Number(from), Number(to ?? from)];
  const steps = after("--steps");
  const [jobs, seconds] = [Number(after("--jobs") ?? 1), Number(after("--seconds") ?? Number.POSITIVE_INFINITY)];
  const seeds = { first, last, jobs, seconds, isStackShown: has("--stack") };
  const program = new URL(import.meta.url);
  if (args[0] !== "cluster") return raftMain(seeds, program);
  const ofCluster = { steps: steps === undefined ? undefined : Number(steps), isTraced: has("--trace"), plan };
  return clusterMain({ ...seeds, ...ofCluster }, program);
}

if (isMainThread) await main(terminal.args());
else if (terminal.args()[0] === "cluster") clusterThread();
else raftThread();
