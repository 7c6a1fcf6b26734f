// npm run sim -- [raft|cluster] --seeds A..B …: which simulation, and what it is asked for.

import { clusterMain } from "./cluster-main.js";
import { terminal } from "./host/terminal.js";
import { isMainThread } from "./host/threads.js";
import { raftMain, raftThread } from "./raft/main.js";

const usage = `usage: npm run sim -- [raft] --seeds A..B [--jobs N] [--seconds S] [--stack]
       npm run sim -- cluster --seeds A..B [--steps N] [--trace]`;

async function main(args: readonly string[]): Promise<void> {
  const after = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const has = (flag: string): boolean => args.includes(flag);
  const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(after("--seeds") ?? "") ?? [];
  if (from === undefined) {
    terminal.say(usage);
    return terminal.fail();
  }
  const [first, last] = [Number(from), Number(to ?? from)];
  const steps = after("--steps");
  if (args[0] === "cluster") {
    return clusterMain({
      first,
      last,
      steps: steps === undefined ? undefined : Number(steps),
      isTraced: has("--trace"),
    });
  }
  const [jobs, seconds] = [Number(after("--jobs") ?? 1), Number(after("--seconds") ?? Number.POSITIVE_INFINITY)];
  return raftMain({ first, last, jobs, seconds, isStackShown: has("--stack") }, new URL(import.meta.url));
}

if (isMainThread) await main(terminal.args());
else raftThread();
