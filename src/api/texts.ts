// Docker's sentences about a node's place in a swarm (docker-api.md §1.13).

import { SwarmError } from "../base/index.js";

const notManager = "This node is not a swarm manager. ";

export const notInSwarm = `${notManager}Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`;
export const workerOnly = `${notManager}Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.`;
export const managerStarting = `${notManager}Manager is being prepared or has trouble connecting to the cluster.`;
export const alreadyInSwarm = `This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.`;
export const notPartOfSwarm = "This node is not part of a swarm";
export const locked = `Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.`;
export const joinTimeout = `Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.`;

export interface ManagerCounts {
  readonly reachable: number;
  readonly total: number;
}

/** Why a manager does not leave without force; the numbers as the leader sees them, if it can be asked. */
export function managerLeaves(managers: ManagerCounts | undefined): string {
  const leaving = "You are attempting to leave the swarm on a node that is participating as a manager. ";
  if (managers?.total === 1) {
    return `${leaving}Removing the last manager erases all current state of the swarm. Use \`--force\` to ignore this message. `;
  }
  return `${leaving}${quorumText(managers)}The only way to restore a swarm that has lost consensus is to reinitialize it with \`--force-new-cluster\`. Use \`--force\` to suppress this message.`;
}

/** Docker counts the one that leaves among those that are then missing. */
function quorumText(managers: ManagerCounts | undefined): string {
  if (managers === undefined) return "Doing so may lose the consensus of your cluster. ";
  const { reachable, total } = managers;
  if (reachable - 2 > total - reachable) return "";
  return `Removing this node leaves ${reachable - 1} managers out of ${total}. Without a Raft quorum your swarm will be inaccessible. `;
}

export const twoManagersWarning = `WARNING: Running Swarm in a two-manager configuration. This configuration provides
         no fault tolerance, and poses a high risk to lose control over the cluster.
         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
         Swarm for fault-tolerance.`;

/** An unlock key's form; whether it is the one is the node's to say. Never repeated in an error. */
export function checkedUnlockKey(text: string): string {
  if (/^SWMKEY-1-[A-Za-z0-9+/]{43}$/.test(text)) return text;
  throw new SwarmError("InvalidArgument", "invalid key string");
}

export function unavailable(text: string): SwarmError {
  return new SwarmError("Unavailable", text);
}
