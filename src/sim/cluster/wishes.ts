// What services a user of a simulated cluster asks for, drawn from a seed.

import type { SeededRandom } from "../random.js";
import type { Wanted } from "./model.js";
import type { Mode, ServiceWish } from "./spec.js";

const replicasMax = 9;

const modes: readonly Mode[] = [
  ...(["replicated", "replicated", "replicated", "replicated"] as const),
  ...(["global", "global", "replicated-job", "global-job"] as const),
];
/** What containers may do; all of them run once they are left alone. */
const quirks = ["hang=stop", "start=2s", "pull=1s", "health=good@2s", "health=good", "exit=1@20s", "health=bad@25s"];
/** What those of jobs do besides: all of them end well sooner or later. */
const jobEnds = ["exit=0@100ms", "exit=0@1s", "exit=0@5s", "exit=0@1s hang=stop"];

/** The label that some services ask a node for, and its values. */
export const zoneLabel = "zone";
export const zones = ["a", "b"] as const;

/** The longest stop grace period of a service. */
export const longestGraceMs = 90_000;

/** Quirks that leave a service never settled for long. */
export function isRestless({ sim = "" }: ServiceWish): boolean {
  return /exit=1|health=bad/.test(sim);
}

export function wantedOf(wish: ServiceWish): Wanted {
  return { wish, replicas: wish.replicas ?? 1, image: wish.image ?? "nginx:latest" };
}

export function drawWish(name: string, hosts: number, random: SeededRandom): ServiceWish {
  const mode = random.pick(modes) ?? "replicated";
  const kind = random.pick(["free", "free", "free", "published", "limited"] as const);
  const constraint = random.pick(["", "", "", "", "node.hostname!=m1", `node.labels.${zoneLabel}==a`]) ?? "";
  const max = kind === "free" ? replicasMax : hosts - Number(constraint !== "");
  const isJob = mode.endsWith("job");
  const sim = isJob ? random.pick(jobEnds) : random.chance(0.3) ? random.pick(quirks) : undefined;
  return {
    name,
    mode,
    replicas: random.int(Math.max(0, max) + 1),
    maxConcurrent: 1 + random.int(4),
    image: "app:1",
    stopGraceMs: random.chance(0.03) ? longestGraceMs : 500 + random.int(3_000),
    restartDelayMs: random.pick([0, 200, 1_000, 5_000]) ?? 0,
    ...(isJob && { restart: "ON_FAILURE" as const }),
    order: kind === "free" && random.chance(0.4) ? "START_FIRST" : "STOP_FIRST",
    parallelism: random.int(4),
    updateDelayMs: random.chance(0.2) ? random.int(2_000) : 0,
    monitorMs: random.pick([0, 500, 5_000]) ?? 0,
    ...(sim !== undefined && { sim }),
    ...(kind === "published" && !isJob && { hostPort: 8_000 + Number(name.slice(1)) * 1_000 + random.int(1_000) }),
    ...(kind === "limited" && mode === "replicated" && { maxReplicasPerNode: 1 }),
    ...(constraint !== "" && { constraints: [constraint] }),
    ...(random.chance(0.2) && { nanoCpus: 2e8 }),
  };
}
