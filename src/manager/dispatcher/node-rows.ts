// Writes node.status and node.description: what is known of the node's being there decides inside the transaction.

import { type Clock, type Log, wallTime } from "../../base/index.js";
import { type Node, type NodeDescription, NodeState, type NodeStatus } from "../../gen/skep/v1/objects.js";
import { deepEqual } from "../../model/index.js";
import type { View, Writer } from "../../store/index.js";
import type { Liveness } from "./liveness.js";
import { type Verdict, withVerdict } from "./presence.js";

/** What an agent says of its node; absent: nothing new. */
export interface NodeSays {
  readonly description?: NodeDescription | undefined;
  /** The host other nodes reach it at. */
  readonly addr?: string;
}

export class NodeRows {
  readonly #clock: Clock;
  readonly #writer: Writer;
  readonly #log: Log;
  readonly #liveness: Liveness;

  constructor(modules: {
    readonly clock: Clock;
    readonly writer: Writer;
    readonly log: Log;
    readonly liveness: Liveness;
  }) {
    this.#clock = modules.clock;
    this.#writer = modules.writer;
    this.#log = modules.log;
    this.#liveness = modules.liveness;
  }

  /** Whether the row says something else than is known. */
  isStale(view: View, nodeId: string): boolean {
    const node = view.table("node").get(nodeId);
    const verdict = this.#verdict(nodeId);
    return node !== undefined && verdict !== undefined && this.#status(node, verdict, {}) !== node.status;
  }

  /** Resolves once the row says what is known, without a write if it does already; true if there is such a row. */
  async write(nodeId: string, says: NodeSays = {}): Promise<boolean> {
    const { found, before, after } = await this.#writer.update((tx) => {
      const node = tx.table("node").get(nodeId);
      if (node === undefined) return { found: false };
      const status = this.#status(node, this.#verdict(nodeId), says);
      const description = merged(node.description, says.description);
      if (status === node.status && description === node.description) return { found: true };
      tx.put("node", { ...node, status, description });
      return { found: true, before: node.status, after: status };
    });
    if (after !== undefined) this.#tell(nodeId, before, after);
    return found;
  }

  #verdict(nodeId: string): Verdict | undefined {
    return this.#liveness.verdict(nodeId, this.#clock.monotonic());
  }

  #status(node: Node, verdict: Verdict | undefined, { addr }: NodeSays): NodeStatus | undefined {
    const now = wallTime(this.#clock.now());
    const status = verdict ? withVerdict(node.status, verdict, now) : node.status;
    return status && addr !== undefined && addr !== status.addr ? { ...status, addr } : status;
  }

  #tell(nodeId: string, before: NodeStatus | undefined, { state, message, suspended }: NodeStatus): void {
    if (before?.state === state && before.message === message && before.suspended === suspended) return;
    const reason = message === "" ? {} : { reason: message };
    if (state === NodeState.DOWN) this.#log.warn("node down", { node: nodeId, ...reason });
    else if (suspended) this.#log.warn("node suspended", { node: nodeId, ...reason });
    else this.#log.info("node ready", { node: nodeId, ...reason });
  }
}

/** The same object when nothing new was said. */
function merged(known: NodeDescription | undefined, said: NodeDescription | undefined): NodeDescription | undefined {
  return said === undefined || deepEqual(known, said) ? known : said;
}
