// After `--force-new-cluster`: the managers that were given up are members no more, and their raft ids never will be.
// They stay managers by their role: one that comes back asks to join as a new member.

import { anyManager, type Writer } from "../store/index.js";
import type { KnownManager } from "./directory.js";
import { writeOff } from "./roles.js";

export async function forgetOthers(self: KnownManager, writer: Writer): Promise<void> {
  await writer.update((tx) => {
    const raftIds: number[] = [];
    for (const node of [...tx.table("node").by("manager", anyManager)]) {
      const { manager } = node;
      if (manager === undefined || manager.raftId === self.raftId) continue;
      raftIds.push(manager.raftId);
      tx.put("node", { ...node, manager: undefined });
    }
    if (raftIds.length > 0) writeOff(tx, raftIds);
  });
}
