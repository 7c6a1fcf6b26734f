// What a user of a simulated cluster may do next, drawn from a seed.

import type { SeededRandom } from "../random.js";
import type { SimCluster } from "./cluster.js";
import type { Model } from "./model.js";
import type { ServiceWish } from "./spec.js";

const servicesMax = 4;
const replicasMax = 9;
const hostsMax = 6;

/** What containers may do; all of them run once they are left alone. */
const quirks = ["hang=stop", "start=2s", "pull=1s", "health=good@2s"];

/** Asks for one thing; undefined where it makes no sense now. The clock has to run for the answer to come. */
export type Draw = (cluster: SimCluster, model: Model, random: SeededRandom) => Promise<void> | undefined;

export const workload: readonly (readonly [weight: number, name: string, draw: Draw])[] = [
  [6, "create", create],
  [6, "scale", scale],
  [5, "update", update],
  [2, "remove", remove],
  [1, "rollback", rollback],
  [3, "availability", setAvailability],
  [1, "remove a node", removeNode],
  [1, "join", join],
];

function create(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  if (model.services.size >= servicesMax) return undefined;
  const wish = drawWish(model.newName(), cluster.members.length, random);
  return cluster.user.create(wish).then(() => model.created(wish));
}

function drawWish(name: string, hosts: number, random: SeededRandom): ServiceWish {
  const kind = random.pick(["free", "free", "free", "published", "limited"] as const);
  const isConstrained = random.chance(0.15);
  // What cannot have all its replicas at once never gets through an update, in Docker neither.
  const max = kind === "free" ? replicasMax : hosts - Number(isConstrained);
  return {
    name,
    replicas: random.int(max + 1),
    image: "app:1",
    stopGraceMs: random.chance(0.05) ? 90_000 : 500 + random.int(3_000),
    restartDelayMs: random.pick([0, 200, 1_000, 5_000]) ?? 0,
    order: kind === "free" && random.chance(0.4) ? "START_FIRST" : "STOP_FIRST",
    parallelism: random.int(4),
    updateDelayMs: random.chance(0.2) ? random.int(3_000) : 0,
    monitorMs: random.pick([0, 500, 5_000]) ?? 0,
    ...(random.chance(0.2) && { sim: random.pick(quirks) ?? "" }),
    ...(kind === "published" && { hostPort: 8_000 + random.int(1_000) }),
    ...(kind === "limited" && { maxReplicasPerNode: 1 }),
    ...(isConstrained && { constraints: ["node.hostname!=w1"] }),
    ...(random.chance(0.2) && { nanoCpus: 2e8 }),
  };
}

function scale(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const name = random.pick([...model.services.keys()]);
  if (name === undefined) return undefined;
  const wish = model.services.get(name)?.wish;
  const replicas = random.int(1 + (wish && isBounded(wish) ? (wish.replicas ?? 0) : replicasMax));
  return cluster.user.scale(name, replicas).then(() => model.scaled(name, replicas));
}

/** Needs a host for each replica. */
function isBounded(wish: ServiceWish): boolean {
  return wish.hostPort !== undefined || wish.maxReplicasPerNode !== undefined;
}

function update(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const name = random.pick([...model.services.keys()]);
  if (name === undefined) return undefined;
  const image = `app:${1 + random.int(4)}`;
  return cluster.user.setImage(name, image).then(() => model.updated(name, image));
}

function remove(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const name = random.pick([...model.services.keys()]);
  if (name === undefined) return undefined;
  return cluster.user.remove(name).then(() => model.removed(name));
}

/** Back to the image before, if there was another; the number of replicas goes back, too. */
function rollback(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const name = random.pick([...model.services.keys()]);
  if (name === undefined) return undefined;
  const previous = cluster.previousSpec(name);
  if (!previous) return undefined;
  return cluster.user.rollback(name).then(() => {
    model.scaled(name, previous.mode?.$case === "replicated" ? previous.mode.value.replicas : 0);
    model.updated(name, previous.task?.container?.image ?? "");
  });
}

/** A host without power is forgotten by the swarm; when it is back it hears so. */
function removeNode(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = random.pick(cluster.members.filter(({ isPowered, name }) => !isPowered && name !== "w1"));
  if (!host || cluster.members.length < 3 || [...model.services.values()].some(({ wish }) => isBounded(wish)))
    return undefined;
  return cluster.user.removeNode(host.nodeId, true).then(() => host.wasRemoved());
}

function setAvailability(cluster: SimCluster, _model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = random.pick(cluster.members);
  const availability = random.pick(["ACTIVE", "ACTIVE", "PAUSE", "DRAIN"] as const);
  return host && availability && cluster.user.setAvailability(host.nodeId, availability);
}

function join(cluster: SimCluster): Promise<void> | undefined {
  return cluster.members.length < hostsMax ? cluster.join(cluster.newHostName()).then(() => undefined) : undefined;
}
