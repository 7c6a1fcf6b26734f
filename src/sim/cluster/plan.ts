// What a seed is, as data: the swarm, and what its user does and what goes wrong, step by step. Each step draws what else it
// needs from a number of its own, so that one that is left out moves no other.

import { drawMix, type Mix } from "../mix.js";
import { SeededRandom } from "../random.js";
import { faultNames } from "./faults/index.js";
import { workNames } from "./workload.js";

export interface Step {
  /** After the step before. */
  readonly afterMs: number;
  readonly kind: "user" | "fault";
  readonly what: string;
  /** Draws whom it strikes, and how. */
  readonly detail: number;
  /** A fault's. */
  readonly lastsMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly managers: number;
  /** Besides the managers, each of which is a worker, too. */
  readonly hosts: number;
  readonly linkDelayMs: number;
  readonly isEncoded: boolean;
  /** What the lines between the managers do to messages until faults are over. */
  readonly mix: Mix;
  /** In the end all managers but one are lost, and that one begins a new cluster. */
  readonly isForced: boolean;
  /** Entries after which a manager makes a snapshot, and throws away the log before it. */
  readonly snapshotEntries: number;
  /** Of the consensus. Fewer make a cheaper seed. */
  readonly tickMs: number;
  /** What was wanted has to stay for so long. */
  readonly stableMs: number;
  readonly steps: readonly Step[];
}

const managerCounts = [1, 1, 1, 1, 2, 3, 3, 3, 3, 5];
/** Between two steps at most; drawn once for a seed, so that some are dense and some are not. */
const pausesMs = [20, 100, 400, 1_500, 4_000];
const hugeShare = 1 / 50;
const largeShare = 1 / 12;
const encodedShare = 1 / 16;
const patientShare = 1 / 16;
const finelyTickedShare = 1 / 8;
const forcedShare = 1 / 8;
/** Of messages between managers, at most; with an election timeout of a second. */
const heldUpMs = [0, 0, 20, 200];

export function drawPlan(seed: number, stepsWanted?: number): Plan {
  const random = new SeededRandom(seed).fork("plan");
  const managers = random.pick(managerCounts) ?? 1;
  const isHuge = random.chance(hugeShare);
  const isLarge = random.chance(largeShare);
  const nodes = isHuge ? 15 + random.int(36) : isLarge ? 6 + random.int(8) : managers + random.int(5);
  const count = stepsWanted ?? (isHuge ? 10 : 14 + random.int(18));
  return {
    seed,
    managers,
    hosts: Math.max(0, nodes - managers),
    linkDelayMs: 1 + random.int(20),
    isEncoded: random.chance(encodedShare),
    mix: drawMix(heldUpMs, random.fork("mix")),
    isForced: managers > 1 && random.fork("forced").chance(forcedShare),
    snapshotEntries: random.pick([20, 60, 10_000]) ?? 60,
    tickMs: random.chance(finelyTickedShare) ? 100 : 200,
    stableMs: random.chance(patientShare) ? 12_000 : 1_500,
    steps: drawSteps(random, count),
  };
}

function drawSteps(random: SeededRandom, count: number): readonly Step[] {
  const pauseMs = random.pick(pausesMs) ?? 400;
  const [works, faults] = [enabled(workNames, random), enabled(faultNames, random)];
  return Array.from({ length: count }, (_, at) => {
    // Something has to run before it can break.
    const isWork = at < 2 || random.chance(0.5);
    return {
      afterMs: random.int(pauseMs),
      kind: isWork ? "user" : "fault",
      what: (at < 2 ? "create" : weighted(isWork ? works : faults, random)) ?? "create",
      detail: random.uint32(),
      lastsMs: random.chance(0.6) ? random.int(2_500) : random.int(12_000),
    };
  });
}

type Weighted = readonly (readonly [name: string, weight: number])[];

/** Three quarters of the kinds, as often as their weights say. */
function enabled(names: Weighted, random: SeededRandom): Weighted {
  return names.filter(() => random.chance(0.75));
}

function weighted(items: Weighted, random: SeededRandom): string | undefined {
  let left = random.next() * items.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of items) {
    left -= weight;
    if (left < 0) return name;
  }
  return items[0]?.[0];
}
