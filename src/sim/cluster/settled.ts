// What everything has come to once faults are over: every service as its user wants it, nothing left of what is gone, and all
// managers with the same rows. Says what is still missing.

import { type Service, type Task, TaskState, UpdateState } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import { specOf } from "../../store/index.js";
import { satisfiesAll } from "./checks/placement.js";
import type { SimCluster } from "./cluster.js";
import type { SimContainer } from "./containers.js";
import type { SimHost } from "./host.js";
import type { Candidate, Model, Wanted } from "./model.js";
import { isJob, type ServiceWish, serviceSpec } from "./spec.js";

const historyMax = 5;
/** Older specs of a service that are kept, apart from those that tasks were made from. */
const revisionsMax = 10;

/** Hosts on which the service may run, when all of them are well. */
export function eligible(wish: ServiceWish, cluster: SimCluster): readonly SimHost[] {
  const spec = serviceSpec(wish);
  return cluster.members.filter((host) => satisfiesAll(spec, cluster.node(host.name)));
}

/** Which of the candidates the service is; throws when it is none of them: then a request did what nobody asked for. */
export function actual(name: string, candidates: readonly Candidate[], { store }: SimCluster): Candidate {
  const service = [...store.table("service").by("name", name)][0];
  const spec = service && specOf(store, service);
  const image = spec?.task?.container?.image;
  const replicas = spec?.mode?.$case === "replicated" ? spec.mode.value.replicas : undefined;
  const isIt = (candidate: Candidate): boolean =>
    candidate ? candidate.image === image && candidate.replicas === (replicas ?? candidate.replicas) : !spec;
  const found = candidates.find(isIt);
  if (!found && spec) throw new Error(`${name} is ${image} × ${replicas}, and nobody ever asked for that`);
  if (!found && !candidates.includes(undefined)) throw new Error(`${name} is gone, and nobody ever asked for that`);
  return found;
}

/** What is not yet as it has to be; undefined when everything is. */
export function unsettled(cluster: SimCluster, model: Model): string | undefined {
  // One that stood still leads on while it asks whether it does.
  if (!cluster.managers.raftLeader) return "nobody leads";
  return unsettledManagers(cluster) ?? leftovers(cluster, model) ?? unsettledServices(cluster, model);
}

/** How each host and manager stands, for whoever has to find out why they do not come back. */
export function standings({ members, managers }: SimCluster): readonly string[] {
  return members.map(({ name, isConnected, isDaemonUp, knownManagers }) => {
    const { manager, raftId } = managers.get(name) ?? {};
    const { role, term, leader, membership } = manager?.raftStatus ?? {};
    const part =
      manager && `, raft id ${raftId}, ${role} of ${leader} in term ${term}, voters ${membership?.voters.join(" ")}`;
    const session = isConnected ? "has a session" : `has no session, knows ${knownManagers.join(" ")}`;
    return `${name} ${isDaemonUp ? session : "is down"}${part ?? ""}`;
  });
}

/** Managers that have not applied all. */
export function behind({ managers, store }: SimCluster): readonly string[] {
  return managers.all.filter((each) => each.store?.revision !== store.revision).map(({ name }) => name);
}

function unsettledServices(cluster: SimCluster, model: Model): string | undefined {
  for (const [name, wanted] of model.services) {
    const problem = problemOf(name, wanted, cluster);
    if (problem !== undefined) return `${name} ${problem}`;
  }
  return undefined;
}

/** Everybody who is to be a manager votes, and nobody else does. */
function unsettledManagers({ store, voters, members }: SimCluster): string | undefined {
  // Whoever heard no answer and asked to join again has left a node behind that nobody is.
  const known = new Set(members.map(({ nodeId }) => nodeId));
  const rows = [...store.table("node").all()].filter(({ id }) => known.has(id));
  const wanted = rows.filter(({ spec }) => spec?.desiredRole === NodeRole.MANAGER);
  const places = wanted.map(({ manager }) => manager?.raftId ?? 0);
  if (rows.some(({ spec, role }) => role !== spec?.desiredRole)) return "not every node has the role it is to have";
  if (places.length !== voters.length || places.some((id) => !voters.includes(id))) {
    return `${voters.length} managers vote: ${voters.join(" ")}, wanted are ${places.join(" ")}`;
  }
  return undefined;
}

/** Tasks and containers of services that are gone, and more history than is kept. */
function leftovers(cluster: SimCluster, { services }: Model): string | undefined {
  const { store } = cluster;
  const containers = cluster.containers();
  const foreign = containers.find(({ isRunning, serviceName }) => isRunning && !services.has(serviceName));
  if (foreign) return `a container of ${foreign.serviceName} still runs on ${foreign.host}`;
  const lost = containers.find(({ taskId }) => !store.table("task").get(taskId));
  if (lost) return `a container is left on ${lost.host} of a task that is gone`;
  const tasks = [...store.table("task").all()];
  const gone = tasks.find(({ serviceId }) => !store.table("service").get(serviceId));
  if (gone) return `task ${gone.id} is left of a service that is gone`;
  const revisions = [...store.table("revision").all()].length;
  if (revisions > services.size * (revisionsMax + 1) + tasks.length) return `${revisions} revisions are kept`;
  return tasks.length > tasksMax(tasks, services) ? `${tasks.length} tasks are kept` : undefined;
}

/** Docker keeps five ended tasks of a slot, and those of slots that were scaled away. */
function tasksMax(tasks: readonly Task[], services: Model["services"]): number {
  const known = new Set(tasks.map(({ serviceId, slot, nodeId }) => `${serviceId}/${slot || nodeId}`)).size;
  const wanted = [...services.values()].reduce((sum, { replicas }) => sum + replicas, 0);
  return Math.max(known, wanted) * (historyMax + 1);
}

/** What a service still lacks. */
function problemOf(name: string, wanted: Wanted, cluster: SimCluster): string | undefined {
  const service = [...cluster.store.table("service").by("name", name)][0];
  if (!service) return "is not there, although it was acknowledged";
  const tasks = [...cluster.store.table("task").by("service", service.id)];
  const running = cluster.running(name);
  return isJob(wanted.wish)
    ? jobProblem(service, tasks, wanted, running, cluster)
    : runningProblem(service, tasks, wanted, running, cluster);
}

function runningProblem(
  service: Service,
  tasks: readonly Task[],
  { wish, replicas, image }: Wanted,
  running: readonly SimContainer[],
  cluster: SimCluster,
): string | undefined {
  const hosts = eligible(wish, cluster);
  const count = wish.mode === "global" ? hosts.length : replicas;
  if (running.length !== count) return `runs ${running.length} of ${count}`;
  if (wish.mode === "global" && new Set(running.map(({ host }) => host)).size !== count) return "is not on every node";
  const waiting = tasks.filter(
    (task) => task.desiredState <= TaskState.COMPLETE && task.status?.state !== TaskState.RUNNING,
  );
  const members = new Set(cluster.members.map(({ nodeId }) => nodeId));
  // A node that nobody is, after a join that was asked for twice, runs nothing.
  const isReal = ({ nodeId }: Task): boolean => nodeId === "" || members.has(nodeId);
  if (waiting.some(isReal)) return `has ${waiting.length} tasks that are not RUNNING`;
  if (tasks.some(isStopping)) return "has tasks that still stop";
  const state = service.updateStatus?.state;
  if (state === UpdateState.UPDATING || state === UpdateState.ROLLBACK_STARTED) return "is being updated";
  const old = running.filter((container) => container.image !== image).length;
  return old > 0 ? `runs ${old} of another image than ${image}` : undefined;
}

/** Told to stop, and not known to have. */
function isStopping({ desiredState, status }: Task): boolean {
  const state = status?.state ?? TaskState.NEW;
  return desiredState > TaskState.COMPLETE && state >= TaskState.ASSIGNED && state <= TaskState.RUNNING;
}

function jobProblem(
  service: Service,
  tasks: readonly Task[],
  { wish, replicas, image }: Wanted,
  running: readonly SimContainer[],
  cluster: SimCluster,
): string | undefined {
  if (running.length > 0) return `still runs ${running.length}`;
  const iteration = service.jobStatus?.iteration ?? 0;
  const done = tasks.filter(
    (task) => (task.jobIteration ?? 0) === iteration && task.status?.state === TaskState.COMPLETE,
  );
  if (wish.mode === "replicated-job") {
    return done.length === replicas ? undefined : `${done.length} of ${replicas} are complete, of ${image}`;
  }
  const nodes = new Set(done.map(({ nodeId }) => nodeId));
  const missing = eligible(wish, cluster).filter(({ nodeId }) => !nodes.has(nodeId));
  return missing.length > 0 ? `is not complete on ${missing.map(({ name }) => name).join(", ")}` : undefined;
}
