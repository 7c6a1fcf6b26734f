// What several swarm verbs say: how to join, how to unlock.

import type { Node, Swarm, UnlockKey } from "../../../api/types.js";
import type { Client } from "../../client.js";
import { segment } from "../../client.js";

export type JoinRole = "worker" | "manager";

/** Undefined when the node is no manager that others could join at. */
export async function joinCommand(client: Client, nodeId: string, role: JoinRole): Promise<string | undefined> {
  const node = await client.get<Node>(`/nodes/${segment(nodeId)}`);
  if (node.ManagerStatus === undefined) return undefined;
  const { JoinTokens } = await client.get<Swarm>("/swarm");
  const token = role === "worker" ? JoinTokens.Worker : JoinTokens.Manager;
  return (
    `To add a ${role} to this swarm, run the following command:\n\n` +
    `    skep swarm join --token ${token} ${node.ManagerStatus.Addr}\n\n`
  );
}

export async function unlockText(client: Client): Promise<string> {
  return unlockKeyText((await client.get<UnlockKey>("/swarm/unlockkey")).UnlockKey);
}

export function unlockKeyText(key: string): string {
  return (
    "To unlock a swarm manager after it restarts, run the `skep swarm unlock`\n" +
    `command and provide the following key:\n\n    ${key}\n\n` +
    "Remember to store this key in a password manager, since without it you\n" +
    "will not be able to restart the manager.\n"
  );
}
