// Three members in three processes on this machine, over mutual TLS on loopback.

import path from "node:path";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { testSwarm } from "../../test/support/pki.js";
import { MemberHandle } from "./raft-process.js";

export interface Trio {
  readonly leader: MemberHandle;
  readonly members: readonly MemberHandle[];
  end(): Promise<void>;
}

export async function raftTrio(root: string, delayMs: number, nodeFlags: readonly string[] = []): Promise<Trio> {
  const swarm = await testSwarm();
  const addrs: [number, string][] = [];
  const members: MemberHandle[] = [];
  for (const id of [1, 2, 3]) {
    const credentials = await swarm.node(`manager-${id}`, { role: NodeRole.MANAGER });
    const member = new MemberHandle(nodeFlags);
    members.push(member);
    addrs.push([id, await member.ask("start", { id, credentials, delayMs, path: path.join(root, String(id)) })]);
  }
  for (const member of members) await member.ask("meet", addrs);
  const [leader] = members;
  if (leader === undefined) throw new Error("there are three");
  for (const id of [2, 3]) await leader.ask("add", id);
  return {
    leader,
    members,
    end: async () => {
      for (const member of [...members].reverse()) await member.end();
    },
  };
}
