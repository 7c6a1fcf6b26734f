// A request that only the leader can answer: here if this node is it, else handed on, else refused in Docker's words.

import { type Clock, rpcError, sleep } from "../base/index.js";
import { type Control, noLeaderMessage } from "../manager/control/index.js";
import type { Answer, Call, Handler } from "./call.js";
import type { Leader, Node } from "./modules.js";
import { locked, managerStarting, notInSwarm, unavailable, workerOnly } from "./texts.js";

/** A call that finds no leader waits this long: elections take less. */
const leaderWaitMs = 3_000;
const leaderPollMs = 20;

export async function callLeader(call: Call, handler: Handler & { readonly where: "leader" }): Promise<Answer> {
  const { node, clock } = call.shared.modules;
  refuseNonManager(node);
  const found = reach(node) ?? (await waitForLeader(node, clock, call.request.closed()));
  return "control" in found ? handler.handle({ ...call, control: found.control }) : found.leader.forward(call.request);
}

function refuseNonManager(node: Node): void {
  const state = node.state();
  switch (state.local) {
    case "inactive":
    case "error":
      throw unavailable(notInSwarm);
    case "locked":
      throw unavailable(locked);
    case "pending":
      throw unavailable(managerStarting);
    case "active":
      if (state.manager === "no") throw unavailable(workerOnly);
      if (state.manager === "starting") throw unavailable(managerStarting);
      return;
    default:
      return state satisfies never;
  }
}

type Reached = { readonly control: Control } | { readonly leader: Leader };

function reach(node: Node): Reached | undefined {
  const control = node.control();
  if (control !== undefined) return { control };
  const leader = node.leader();
  return leader === undefined ? undefined : { leader };
}

async function waitForLeader(node: Node, clock: Clock, signal: AbortSignal): Promise<Reached> {
  const deadline = clock.monotonic() + leaderWaitMs;
  while (clock.monotonic() < deadline) {
    await sleep(clock, leaderPollMs, signal);
    refuseNonManager(node);
    const found = reach(node);
    if (found !== undefined) return found;
  }
  throw rpcError("Unknown", noLeaderMessage);
}
