// The control of a manager that does not lead: what is applied here may be read; what would be written is refused.

import type { Clock, Log, Metrics, Random } from "../base/index.js";
import { NotLeader, type Store, type Writer } from "../store/index.js";
import { Ca, type Pki } from "./ca/index.js";
import { Control, type Membership } from "./control/index.js";

export interface LocalControlModules {
  readonly store: Store;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pki: Pki;
  /** Aborts when this manager stops. */
  readonly signal: AbortSignal;
}

export function localControl(modules: LocalControlModules): Control {
  const ca = new Ca({}, { ...modules, writer: refusing });
  return new Control({ signal: modules.signal }, { ...modules, writer: refusing, ca });
}

const refusing: Writer = {
  term: 0,
  update: () => Promise.reject(new NotLeader()),
  once: () => Promise.reject(new NotLeader()),
};
