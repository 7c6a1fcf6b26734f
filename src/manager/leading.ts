// What runs only while leading, put together: the loops, the dispatcher, the certificate authority and the control.

import { type Clock, type Log, type Metrics, type Random, Scope } from "../base/index.js";
import { Scheduler } from "../scheduler/index.js";
import type { Store, Writer } from "../store/index.js";
import { Allocator } from "./allocator/index.js";
import { Ca, type Pki } from "./ca/index.js";
import type { Consensus } from "./consensus.js";
import { Control, type Membership } from "./control/index.js";
import type { Directory, KnownManager } from "./directory.js";
import { Dispatcher } from "./dispatcher/index.js";
import type { Heard } from "./heard.js";
import { LogBroker } from "./logs/index.js";
import { Members } from "./members.js";
import { Enforcer, Orchestrator, Reaper } from "./orchestrator/index.js";
import { Roles } from "./roles.js";

export interface LeadingOptions {
  /** Told once, of the first part that ended before the leading work was stopped. */
  readonly onFailure: (component: string, error: Error) => void;
}

export interface LeadingModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pki: Pki;
  readonly self: KnownManager;
  readonly consensus: Consensus;
  readonly directory: Directory;
  readonly heard: Heard;
  readonly membership: Membership;
  /** The handle a part writes through; the simulation watches here who writes what. */
  readonly writerOf?: (part: string, writer: Writer) => Writer;
}

export class Leading {
  readonly control: Control;
  readonly dispatcher: Dispatcher;
  readonly ca: Ca;
  readonly members: Members;
  readonly logs: LogBroker;
  readonly #scope: Scope;
  readonly #parts: Readonly<Record<string, { run(signal: AbortSignal): Promise<void> }>>;

  constructor(options: LeadingOptions, modules: LeadingModules) {
    const { membership, writerOf = (_part, writer) => writer } = modules;
    const modulesOf = (part: string): LeadingModules => ({ ...modules, writer: writerOf(part, modules.writer) });
    this.#scope = new Scope(modules.log, options.onFailure);
    this.ca = new Ca({}, modulesOf("ca"));
    this.logs = new LogBroker({}, modules);
    const toldToAgents = { managers: () => managerPeers(membership), logs: this.logs };
    this.dispatcher = new Dispatcher({}, { ...modulesOf("dispatcher"), ...toldToAgents });
    this.control = new Control({ signal: this.#scope.signal }, { ...modulesOf("control"), ca: this.ca });
    this.members = new Members({}, { ...modulesOf("members"), signal: this.#scope.signal });
    this.#parts = {
      orchestrator: new Orchestrator({}, modulesOf("orchestrator")),
      allocator: new Allocator({}, modulesOf("allocator")),
      scheduler: new Scheduler({}, modulesOf("scheduler")),
      dispatcher: this.dispatcher,
      enforcer: new Enforcer({}, modulesOf("enforcer")),
      reaper: new Reaper({}, modulesOf("reaper")),
      roles: new Roles({}, modulesOf("roles")),
      ca: this.ca,
      logs: this.logs,
    };
  }

  /** Starts every part under one scope. */
  start(): void {
    for (const [name, part] of Object.entries(this.#parts)) this.#scope.start(name, (signal) => part.run(signal));
  }

  /** Asks every part to stop and waits until it has. */
  stop(reason: string): Promise<void> {
    return this.#scope.stop(reason);
  }
}

function managerPeers(membership: Membership): readonly { readonly nodeId: string; readonly addr: string }[] {
  return [...membership.managers()].map(([nodeId, { addr }]) => ({ nodeId, addr }));
}
