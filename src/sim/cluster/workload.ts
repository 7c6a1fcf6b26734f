// What a user of a simulated cluster may do next. Nothing is waited for: requests are under way side by side, one at a time
// for each service and node.

import { SwarmError } from "../../base/index.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { SeededRandom } from "../random.js";
import type { SimCluster } from "./cluster.js";
import type { SimHost } from "./host.js";
import type { SimManager } from "./manager.js";
import type { Model, Wanted } from "./model.js";
import { isJob } from "./spec.js";
import type { User } from "./user.js";
import { drawWish, wantedOf, zoneLabel, zones } from "./wishes.js";

const servicesMax = 4;
const replicasMax = 9;
/** Nodes there may be because somebody joined. */
const hostsMax = 8;
const managersMax = 5;
const impatientShare = 0.3;

/** Asks for one thing; undefined where it makes no sense now. The clock has to run for the answer to come. */
type Draw = (cluster: SimCluster, model: Model, random: SeededRandom) => Promise<void> | undefined;

const workload: Readonly<Record<string, readonly [weight: number, draw: Draw]>> = {
  create: [6, create],
  scale: [6, scale],
  update: [5, update],
  remove: [2, remove],
  rollback: [1, rollback],
  availability: [3, setAvailability],
  label: [2, setLabel],
  join: [1, join],
  leave: [1, leave],
  "remove node": [1, removeNode],
  promote: [1, promote],
  demote: [1, demote],
};

export const workNames: readonly (readonly [name: string, weight: number])[] = Object.entries(workload).map(
  ([name, [weight]]) => [name, weight],
);

export function workNamed(name: string): Draw | undefined {
  return workload[name]?.[1];
}

function create(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const name = model.newName();
  if (model.services.size >= servicesMax) return undefined;
  const wish = drawWish(name, cluster.members.length, random);
  return model.becomes(name, wantedOf(wish), someUser(cluster, random).create(wish));
}

function scale(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const [name, wanted] = idleService(model, random);
  if (wanted?.wish.mode !== "replicated") return undefined;
  const { hostPort, maxReplicasPerNode } = wanted.wish;
  // A host for each replica.
  const isBounded = hostPort !== undefined || maxReplicasPerNode !== undefined;
  const replicas = random.int(1 + (isBounded ? cluster.members.length : replicasMax));
  return model.becomes(name, { ...wanted, replicas }, someUser(cluster, random).scale(name, replicas));
}

function update(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const [name, wanted] = idleService(model, random);
  if (!wanted) return undefined;
  const image = `app:${1 + random.int(4)}`;
  return model.becomes(name, { ...wanted, image }, someUser(cluster, random).setImage(name, image));
}

function remove(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const [name, wanted] = idleService(model, random);
  return wanted && model.becomes(name, undefined, someUser(cluster, random).remove(name));
}

/** Back to the spec before, if there is one; the number of replicas goes back, too. */
function rollback(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const [name, wanted] = idleService(model, random);
  if (!wanted || isJob(wanted.wish) || !cluster.leading) return undefined;
  const previous = cluster.previousSpec(name);
  if (!previous) return undefined;
  const replicas = previous.mode?.$case === "replicated" ? previous.mode.value.replicas : wanted.replicas;
  const image = previous.task?.container?.image ?? "";
  return model.becomes(name, { ...wanted, replicas, image }, cluster.user.rollback(name));
}

function idleService(model: Model, random: SeededRandom): readonly [name: string, wanted: Wanted | undefined] {
  const name = random.pick(model.idle) ?? "";
  return [name, model.services.get(name)];
}

/** Some hear nothing for a while and ask no further. */
function someUser({ user }: SimCluster, random: SeededRandom): User {
  return random.chance(impatientShare) ? user.impatient(random.int(3_000)) : user;
}

function setAvailability(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = idleHost(cluster, model, random);
  const availability = random.pick(["ACTIVE", "ACTIVE", "PAUSE", "DRAIN"] as const) ?? "ACTIVE";
  return host && model.busyWith(host.nodeId, cluster.user.setAvailability(host.nodeId, availability));
}

function setLabel(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = idleHost(cluster, model, random);
  const zone = random.pick(zones) ?? "a";
  return host && model.busyWith(host.nodeId, cluster.user.setLabel(host.nodeId, zoneLabel, zone));
}

function join(cluster: SimCluster, _model: Model, random: SeededRandom): Promise<void> | undefined {
  if (cluster.members.length >= hostsMax) return undefined;
  const role = random.chance(0.2) && cluster.managers.all.length < managersMax ? "manager" : "worker";
  const joined = cluster.join(cluster.newHostName(), { role }).then(() => undefined);
  return role === "manager" ? cluster.managers.changing(joined) : joined;
}

/** The node says goodbye, stops what it runs and is gone; its row is removed by the next `remove node`. */
function leave(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = idleHost(cluster, model, random);
  if (!host || cluster.members.length < 3 || !isLeisurely(host, cluster)) return undefined;
  // It may have been promoted meanwhile.
  return model.busyWith(host.nodeId, cluster.leave(host).catch(unlessRefused("FailedPrecondition")));
}

/** A host without power is forgotten by the swarm; when it is back it hears so. */
function removeNode(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const isGone = (host: SimHost): boolean => !host.isPowered && !cluster.managers.get(host.name);
  const host = random.pick(cluster.members.filter((each) => isGone(each) && !model.isBusy(each.nodeId)));
  if (!host || cluster.members.length < 3) return undefined;
  const removed = cluster.user.removeNode(host.nodeId, true).then(() => host.wasRemoved());
  return model.busyWith(host.nodeId, removed.catch(unlessRefused("FailedPrecondition")));
}

function promote(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = idleHost(cluster, model, random);
  if (!host || cluster.managers.all.length >= managersMax) return undefined;
  return model.busyWith(host.nodeId, cluster.managers.changing(cluster.user.setRole(host.nodeId, "MANAGER")));
}

function demote(cluster: SimCluster, model: Model, random: SeededRandom): Promise<void> | undefined {
  const host = idleHost(cluster, model, random);
  const manager = host && cluster.managers.get(host.name);
  if (!manager || !cluster.managers.areAllThere || !isKnownElsewhere(manager, cluster, model)) return undefined;
  const demoted = cluster.managers.changing(cluster.user.setRole(host.nodeId, "WORKER"));
  return model.busyWith(host.nodeId, demoted.catch(unlessRefused("FailedPrecondition")));
}

/** Every host knows another manager that stays: one that was away while all it knew went would never find the swarm again, as in Docker. */
function isKnownElsewhere({ address }: SimManager, { members, managers, store }: SimCluster, model: Model): boolean {
  const stays = ({ nodeId }: SimManager): boolean =>
    !model.isBusy(nodeId) && store.table("node").get(nodeId)?.spec?.desiredRole === NodeRole.MANAGER;
  const others = managers.all.filter((each) => each.address !== address && stays(each));
  return members.every(({ knownManagers }) => others.some((each) => knownManagers.includes(each.address)));
}

function idleHost(cluster: SimCluster, model: Model, random: SeededRandom): SimHost | undefined {
  return random.pick(cluster.members.filter(({ nodeId }) => !model.isBusy(nodeId)));
}

/** Up, no manager, and not asked to be one: a manager that is not there yet cannot tell the others that it goes. */
function isLeisurely(host: SimHost, { store, managers }: SimCluster): boolean {
  const isWantedManager = store.table("node").get(host.nodeId)?.spec?.desiredRole === NodeRole.MANAGER;
  return host.isDaemonUp && host.isConnected && !managers.get(host.name) && !isWantedManager;
}

/** The managers may say no to this. */
function unlessRefused(kind: SwarmError["kind"]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof SwarmError) || error.kind !== kind) throw error;
  };
}
