// A snapshot on its way into the state: idle → offered → running → idle. While it is not idle nothing is taken from a leader –
// messages may be lost, so these are – and this member does not stand; so nothing changes under it (check-list 28).

import { invariant } from "../../base/index.js";
import type { Position, SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";

export class Installation {
  #offered: SnapshotMeta | undefined;
  #isRunning = false;

  get isIdle(): boolean {
    return this.#offered === undefined;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** idle → offered */
  offer(meta: SnapshotMeta): void {
    invariant(this.isIdle, "one snapshot at a time");
    this.#offered = meta;
  }

  /** offered → running; undefined when there is none to begin. */
  begin(): SnapshotMeta | undefined {
    if (!this.#offered || this.#isRunning) return undefined;
    this.#isRunning = true;
    return this.#offered;
  }

  /** running → idle */
  end(): SnapshotMeta & { readonly position: Position } {
    const meta = this.#offered;
    invariant(this.#isRunning && meta?.position, "a snapshot was being installed");
    this.#offered = undefined;
    this.#isRunning = false;
    return { ...meta, position: meta.position };
  }
}
