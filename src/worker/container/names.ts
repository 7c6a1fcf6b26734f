// The names and labels by which a container is known as a task's: Docker's own, and ours.

import type { TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import type { NodeFacts } from "./facts.js";

/** The cluster a container belongs to: several daemons may share one engine. */
const clusterLabel = "skep.cluster.id";
const nodeLabel = "com.docker.swarm.node.id";
export const taskLabel = "com.docker.swarm.task.id";

/** `web.1.<task id>`, or with the node's id where a node is the slot. It is the container's name, so create is idempotent. */
export function taskName(task: TaskAssignment, nodeId: string): string {
  return `${task.serviceName}.${slotName(task, nodeId)}.${task.id}`;
}

/** The slot as templates and names show it: its number, or the node's id for a global service. */
export function slotName(task: TaskAssignment, nodeId: string): string {
  return task.slot > 0 ? String(task.slot) : nodeId;
}

/** Labels by which this node's containers are found on the engine. */
export function ownLabels(node: Pick<NodeFacts, "nodeId" | "clusterId">): Readonly<Record<string, string>> {
  return { [nodeLabel]: node.nodeId, [clusterLabel]: node.clusterId };
}

/** The user's labels, then Docker's, then ours: what identifies a container cannot be overridden. */
export function containerLabels(task: TaskAssignment, node: NodeFacts): Readonly<Record<string, string>> {
  return {
    ...task.spec?.container?.labels,
    "com.docker.swarm.task": "",
    [taskLabel]: task.id,
    "com.docker.swarm.task.name": taskName(task, node.nodeId),
    "com.docker.swarm.service.id": task.serviceId,
    "com.docker.swarm.service.name": task.serviceName,
    ...ownLabels(node),
  };
}
