// What a seed is, as data: the cluster, its network and disks, its clients, and which faults strike when. All that is drawn
// is drawn here, or from a `detail` that stands here, so a plan can be made smaller and still be the same story.

import type { Survival } from "../disk.js";
import { drawMix, type Mix } from "../mix.js";
import { SeededRandom } from "../random.js";

export const faultKinds = [
  "power loss",
  "outage",
  "process death",
  "clean restart",
  "pause",
  "partition",
  "one-way partition",
  "slow island",
  "slow disk",
  "full disk",
  "failed sync",
  "flipped bit",
  "wiped disk",
  "new member",
  "member removed",
  "member replaced",
  "transfer",
  "broken connection",
  "replay",
  "clock jump",
  "tick skew",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  /** From the beginning of the safety phase. */
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Whom it strikes and how hard is drawn from this when it strikes: it depends on who is there. */
  readonly detail: number;
}

export interface Plan {
  readonly seed: number;
  readonly members: number;
  /** Virtual time in which faults strike and clients call. */
  readonly safetyMs: number;
  readonly network: Mix;
  /** Messages are encoded and decoded; else they are handed over as they are. */
  readonly isEncoded: boolean;
  /** How long each write and sync of a disk takes. */
  readonly diskMs: number;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Entry data in one append; a batch on disk may have twice as much. */
  readonly appendBytes: number;
  /** Of the log's segments: small ones are full soon, and dropped after a snapshot. */
  readonly segmentBytes: number;
  /** Entries between snapshots. */
  readonly snapshotEntries: number;
  /** Entries kept before a snapshot, and beyond that for who is behind. */
  readonly trailingEntries: number;
  readonly laggingEntriesMax: number;
  readonly clientEveryMs: number;
  /** The operator asks for a change of the membership while another is under way, in any order. */
  readonly isImpatient: boolean;
  readonly survivals: readonly Survival[];
  /** In the end all but one are lost, and that one begins a new cluster. */
  readonly isForced: boolean;
  readonly faults: readonly Fault[];
}

/** Members at the beginning, as often as they matter. */
const sizes = [1, 2, 3, 3, 3, 3, 4, 5, 5, 7];
const shortMs = [600, 900, 1200];
const longMs = 5000;
const longShare = 1 / 64;
const encodedShare = 1 / 4;
const forcedShare = 1 / 16;

export function drawPlan(seed: number): Plan {
  const random = new SeededRandom(seed).fork("plan");
  const oneOf = <T>(first: T, ...rest: readonly T[]): T => random.pick([first, ...rest]) ?? first;
  const safetyMs = random.chance(longShare) ? longMs : oneOf(...(shortMs as [number, ...number[]]));
  return {
    seed,
    members: random.pick(sizes) ?? 3,
    safetyMs,
    network: drawMix([0.5, 2, 10, 60], random),
    isEncoded: random.chance(encodedShare),
    diskMs: oneOf(0, 0, 0.3, 3),
    electionTicks: oneOf(4, 4, 6, 10),
    heartbeatTicks: oneOf(1, 1, 2),
    appendBytes: oneOf(1, 20, 200, 200),
    segmentBytes: oneOf(512, 1024, 4096),
    snapshotEntries: oneOf(8, 20, 40),
    trailingEntries: oneOf(2, 8),
    laggingEntriesMax: oneOf(4, 30),
    clientEveryMs: oneOf(8, 20, 40),
    isImpatient: random.chance(0.3),
    survivals: oneOf<readonly Survival[]>(["nothing"], ["torn"], ["nothing", "everything", "torn", "torn"]),
    isForced: random.chance(forcedShare),
    faults: drawFaults(random, safetyMs),
  };
}

/** Half of the kinds, as often as the seed wants. */
function drawFaults(random: SeededRandom, safetyMs: number): readonly Fault[] {
  const enabled = faultKinds.filter(() => random.chance(0.5));
  const everyMsMax = random.pick([60, 120, 300]) ?? 120;
  const faults: Fault[] = [];
  for (let atMs = random.int(50); atMs < safetyMs; atMs += 10 + random.int(everyMsMax)) {
    const kind = random.pick(enabled);
    if (kind) faults.push({ atMs, kind, detail: random.uint32() });
  }
  return faults;
}
