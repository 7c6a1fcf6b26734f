// One seed: a safety phase in which anything may break and everything is checked after every step, then healing, and a
// liveness phase in which the cluster has to come to work again within a bound.

import type { Disk } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import { SeededRandom } from "../random.js";
import { VirtualClock } from "../time.js";
import { CheckFailed, Checks } from "./checks.js";
import { Clients } from "./clients.js";
import { RaftCluster } from "./cluster.js";
import { Faults } from "./faults.js";
import { tickMs } from "./member.js";
import { RaftNetwork } from "./network.js";

/** Bugs put in on purpose, to see the checks fail. */
export interface Plants {
  readonly message?: (message: Message) => Message | undefined;
  readonly disk?: (disk: Disk) => Disk;
}

export interface RaftRun {
  readonly seed: number;
  /** What failed first; undefined for a good run. */
  readonly failure: Error | undefined;
  readonly steps: number;
  readonly messages: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly faults: string;
}

/** Virtual time of the safety phase, and of the way back to work. */
const safetyMs = 2000;
const livenessMs = 500 * tickMs;
/** More than any run needs: beyond it something goes round and round without time passing. */
const stepsMax = 300_000;

/** Members at the beginning, as often as they matter. */
const sizes = [1, 2, 3, 3, 3, 3, 4, 5, 5, 7];

export async function runRaftSeed(seed: number, plants: Plants = {}): Promise<RaftRun> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  let failure: Error | undefined;
  const onBug = (error: Error): void => {
    failure ??= error;
  };
  const checks = new Checks();
  const network = new RaftNetwork(clock, random.fork("network"), plants.message ?? ((message) => message));
  const plantedDisk = plants.disk ?? ((disk: Disk) => disk);
  const cluster = new RaftCluster({
    ...{ clock, network, checks, plantedDisk, onBug },
    random: random.fork("members"),
  });
  const faults = new Faults({ clock, cluster, network, random: random.fork("faults") });
  const clients = new Clients({ ...{ clock, cluster, checks, onBug }, random: random.fork("clients") });
  let steps = 0;
  const runUntil = async (isDone: () => boolean, limitMs: number): Promise<boolean> => {
    const endMs = clock.monotonic() + limitMs;
    await clock.settle();
    while (!failure && !isDone() && clock.monotonic() < endMs && clock.step()) {
      await clock.settle();
      steps += 1;
      if (steps > stepsMax) onBug(new CheckFailed("liveness", `time stands still: ${stateOf(cluster)}`));
      try {
        for (const member of cluster.members.values()) member.look();
      } catch (error) {
        onBug(error as Error);
      }
    }
    return isDone();
  };
  const operate = (): void => {
    cluster.operate();
    clock.after(tickMs, operate);
  };

  for (let count = random.pick(sizes) ?? 3; count > 0; count--) cluster.add();
  operate();
  await runUntil(() => cluster.leaders.length > 0, livenessMs);
  await runUntil(() => isSettled(cluster), 100 * tickMs);
  faults.begin();
  clients.begin();
  await runUntil(() => false, safetyMs);
  clients.end();
  faults.heal();
  const before = checks.acknowledgedCount;
  const probe = (): void => {
    if (checks.acknowledgedCount === before) clients.write();
    clock.after(10 * tickMs, probe);
  };
  probe();
  const isBack = await runUntil(() => isWorking(cluster, checks, before), livenessMs);
  if (!failure && !isBack) onBug(new CheckFailed("liveness", stateOf(cluster)));
  try {
    if (!failure)
      for (const member of cluster.members.values()) checks.complete(member.id, member.machine?.writes ?? []);
  } catch (error) {
    onBug(error as Error);
  }
  for (const member of cluster.members.values()) member.crash("kill");
  const { messages } = network;
  return {
    ...{ seed, failure, steps, messages, acknowledged: checks.acknowledgedCount, reads: clients.reads },
    faults: faults.describe(),
  };
}

/** Everybody who is meant to vote does, as the leader has applied it. */
function isSettled(cluster: RaftCluster): boolean {
  const { voters = [], learners = [] } = cluster.leaders.at(-1)?.member?.membership ?? {};
  return (
    learners.length === 0 &&
    voters.length === cluster.wanted.length &&
    cluster.wanted.every((id) => voters.includes(id))
  );
}

/** One leader, all who are meant to vote, a new write acknowledged, and everybody has all of it. */
function isWorking(cluster: RaftCluster, checks: Checks, before: number): boolean {
  if (checks.acknowledgedCount === before || !isSettled(cluster) || cluster.leaders.length !== 1) return false;
  const statuses = [...cluster.members.values()].map(({ member }) => member?.status);
  const last = Math.max(...statuses.map((status) => status?.lastIndex ?? 0));
  return statuses.every((status) => status?.applied === last);
}

function stateOf(cluster: RaftCluster): string {
  const members = [...cluster.members.values()].map(({ id, member, isRunning, isPaused }) => {
    const status = member?.status;
    const state = !isRunning ? "down" : isPaused ? "paused" : `${status?.role} t${status?.term}`;
    return `${id} ${state} commit ${status?.commit} applied ${status?.applied} last ${status?.lastIndex} voters ${member?.membership.voters.join(",")}`;
  });
  const peers = cluster.leaders.map(({ id, member }) => `${id} sees ${JSON.stringify(member?.peers)}`);
  return `no work after healing; wanted ${cluster.wanted.join(",")}; ${[...members, ...peers].join("; ")}`;
}
