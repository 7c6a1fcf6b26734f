// Bugs put in on purpose, to see the checks fail.

import type { Disk } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import type { StateMachine } from "../../raft/index.js";

export interface Plants {
  /** What is sent in place of a message; undefined for nothing. */
  readonly message?: (message: Message) => Message | undefined;
  /** The disk a member uses in place of its own. */
  readonly disk?: (disk: Disk) => Disk;
  /** The state machine a member uses in place of its own. */
  readonly stateMachine?: (machine: StateMachine, id: number) => StateMachine;
  /** Clients read what is there, and ask no leader. */
  readonly isReadLocal?: boolean;
  /** A wiped member comes back under its old id. */
  readonly isIdKept?: boolean;
}
