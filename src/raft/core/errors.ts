// What ends a member that is not what the others take it for.

import { SwarmError } from "../../base/index.js";

/** A leader only says what this member acknowledged, and it is not there: the member came back under its old id without its log. */
export class LogLostError extends SwarmError {
  constructor(lastIndex: number, acknowledged: number) {
    super(
      "FailedPrecondition",
      `this manager's log ends at entry ${lastIndex}, and it had acknowledged entry ${acknowledged}: its data was lost or is an old copy. Remove it from the swarm and let it join anew`,
    );
  }
}
