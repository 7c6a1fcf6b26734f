// What leaves a member: messages as they are, a snapshot its own way, a probe, and the last word of a leader that ends.

import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { RaftCore } from "./core/core.js";
import type { ProbeOutcome } from "./core/types.js";
import type { SnapshotExchange } from "./snapshot/exchange.js";
import type { Transport } from "./transport.js";

export interface OutgoingModules {
  readonly id: number;
  readonly transport: Transport;
  readonly exchange: SnapshotExchange;
  /** Reports to the core, where the member still runs. */
  readonly enter: (report: (core: RaftCore) => void) => void;
}

export class Outgoing {
  readonly #modules: OutgoingModules;

  constructor(modules: OutgoingModules) {
    this.#modules = modules;
  }

  send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.#modules.transport.send(messages.filter((message) => !isSnapshot(message)));
    for (const message of messages) if (isSnapshot(message)) void this.#sendSnapshot(message);
  }

  /** Is the process of `member` still there? */
  probe(member: number): void {
    const report = (outcome: ProbeOutcome): void => this.#modules.enter((core) => core.reportProbe(member, outcome));
    this.#modules.transport.probe(member).then(report, () => report("unknown"));
  }

  /** The leader ends, in whatever state its core is: its successor need not wait for the silence. */
  lastWord(core: RaftCore): void {
    const { id, transport } = this.#modules;
    const { successor, term } = core;
    if (successor === undefined) return;
    transport.send([{ from: id, to: successor, term, body: { $case: "timeoutNow", value: {} } }]);
  }

  async #sendSnapshot(message: Message): Promise<void> {
    const isTaken = await this.#modules.exchange.send(message);
    this.#modules.enter((core) => core.reportSnapshot(message.to, isTaken));
  }
}

function isSnapshot({ body }: Message): boolean {
  return body?.$case === "snapshot";
}
