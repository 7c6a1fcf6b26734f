// What the orchestrator would make of a service that changed, on a draft that is thrown away: which tasks come, which go.

import type { Transaction } from "../../store/index.js";
import { Attention } from "./attention.js";
import { lookAt } from "./look.js";
import { Rosters } from "./rosters.js";
import type { Moment } from "./world.js";

/** Looks at one service that change something: each makes some hundred changes, which together say enough. */
const looksMax = 3;
/** Looks in all: before the first change each of its slots may have been looked at. */
const looksInAllMax = 300;

/** Writes to the draft what looking at the service does at that moment; an update only begins. A look is a step. */
export function* foresee(
  tx: Transaction,
  serviceId: string,
  moment: Pick<Moment, "nowMs" | "newId">,
): Generator<void, void> {
  // How long a predecessor is waited for changes when its slot's next task starts, not which there is.
  const now: Moment = { ...moment, stopWaitMs: () => 0, isLate: () => false };
  const rosters = new Rosters();
  let attention = new Attention();
  attention.service(serviceId);
  for (let all = 0, changing = 0; changing < looksMax && all < looksInAllMax && !attention.isEmpty; all++) {
    const { left, written } = lookAt(tx, attention, now, rosters);
    if (written > 0) changing += 1;
    attention = left;
    yield;
  }
}
