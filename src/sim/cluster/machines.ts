// The machines of a simulated swarm and what is between them: hosts with their engines and daemons, managers with their disks,
// each machine with a clock of its own, and the network. All that happens on them is told to the checks and to the transcript.

import { type Log, messageOf } from "../../base/index.js";
import type { EmbeddedOptions } from "../../engine/embedded/index.js";
import type { ManagerOptions } from "../../manager/index.js";
import type { Transaction } from "../../store/index.js";
import { OwnClock } from "../own-clock.js";
import type { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { Checks } from "./checks/checks.js";
import type { Moment } from "./checks/slots.js";
import { SimHost } from "./host.js";
import { watchedLog } from "./log.js";
import { SimManager } from "./manager.js";
import { SimManagers } from "./managers.js";
import { addressOf, firstManager, SimNetwork } from "./network.js";
import { Observer } from "./observer.js";
import { simPki } from "./pki.js";
import { RaftLines } from "./raft-lines.js";
import type { Trace } from "./trace.js";

export interface MachinesOptions {
  readonly engine: EmbeddedOptions;
  /** One way. */
  readonly linkDelayMs: number;
  readonly raftSizes?: NonNullable<ManagerOptions["raftSizes"]>;
  /** What managers say to each other travels as bytes. */
  readonly isEncoded: boolean;
  readonly log: Log;
  /** What a part of a manager writes goes through this first. */
  readonly plant: (part: string, tx: Transaction) => Transaction;
}

export interface MachinesModules {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly checks: Checks;
  readonly trace: Trace;
}

const managerPort = 2377;
/** What a part may complain of: its disk, or that it does not lead any more. */
const isHonest = /EIO|ENOSPC|does not lead the swarm|leadership was lost/;

export class Machines {
  readonly network = new SimNetwork((machine) => this.#hosts.get(machine)?.link.isCut ?? false);
  readonly managers: SimManagers;
  readonly lines: RaftLines;
  readonly observer: Observer;
  /** Managers that refused to start with a flipped bit. */
  refused = 0;
  readonly #options: MachinesOptions;
  readonly #modules: MachinesModules;
  readonly #pki = simPki();
  readonly #hosts = new Map<string, SimHost>();
  readonly #clocks = new Map<string, OwnClock>();

  constructor(options: MachinesOptions, modules: MachinesModules) {
    this.#options = options;
    this.#modules = modules;
    const { clock, random, checks, trace } = modules;
    const { network } = this;
    const { linkDelayMs: delayMs, isEncoded } = options;
    this.observer = new Observer({
      committed: (changes, store) => {
        trace.committed(changes, store.revision, store);
        checks.committed(changes, store, this.hosts, this.moment);
      },
      lost: (what) => checks.add("nothing applied is lost", what),
    });
    this.managers = new SimManagers({
      ...{ clock, network, delayMs, random: random.fork("doors") },
      newManager: (name) => this.#newManager(name),
    });
    this.lines = new RaftLines(
      { delayMs, isEncoded },
      { clock, random: random.fork("lines"), isOpen: (from, to) => network.carries(from, to) },
    );
    network.onHealed(() => this.#flushLinks());
    this.managers.add(this.#newManager(firstManager));
  }

  get hosts(): readonly SimHost[] {
    return [...this.#hosts.values()];
  }

  host(name: string): SimHost | undefined {
    return this.#hosts.get(name);
  }

  /** Differs when a transaction was applied or a container changed since. */
  get happened(): number {
    let happened = 0;
    for (const { store } of this.managers.all) happened += store?.revision ?? -1;
    for (const host of this.#hosts.values()) happened += host.engine.changes;
    return happened;
  }

  /** No machine's clock has run further ahead than all of them together. */
  get moment(): Moment {
    const { clock } = this.#modules;
    let gainedMs = 0;
    for (const own of this.#clocks.values()) gainedMs += own.gainedMs;
    return { nowMs: clock.monotonic(), wallMs: clock.now(), gainedMs };
  }

  /** Its daemon starts at once. */
  addHost(
    of: { readonly name: string; readonly nodeId: string; readonly clusterId: string },
    engine?: EmbeddedOptions,
  ) {
    const { name } = of;
    const { clock, random, checks, trace } = this.#modules;
    const host: SimHost = new SimHost(
      {
        ...{ ...of, address: addressOf(name), linkDelayMs: this.#options.linkDelayMs },
        engine: { ...this.#options.engine, ...engine },
      },
      {
        ...{ clock, ownClock: this.#clockOf(name), random: random.fork(name), log: this.#log },
        managers: {
          addresses: this.managers.addresses,
          accept: (to, ...rest) => this.managers.at(to)?.accept(...rest),
          isOpen: (address, way) => this.network.carriesBetween(name, this.managers.at(address)?.name ?? "", way),
          healed: () => this.#flushLinks(),
          own: () => this.managers.seenBy(name),
        },
        onDaemon: (event) => this.managers.daemonDid(name, event),
        stateChanged: ({ node }) => node && this.managers.roleIs(host, node.role),
        onEngineCall: (verb, what) => trace.say(`${name} engine`, `${verb} ${shown(host, what)}`),
        onBroken: (error) => checks.add("daemons live", `${name}: ${messageOf(error)}`),
        agentSaid: (message) => trace.agentSaid(name, message),
        managerSaid: (message) => trace.managerSaid(name, message),
        wrong: (what) => checks.add("the protocol is kept", `${name}: ${what}`),
      },
    );
    this.#hosts.set(name, host);
    host.startDaemon();
    return host;
  }

  lose(name: string): void {
    this.#hosts.delete(name);
    this.managers.lost(name);
  }

  #newManager(name: string): SimManager {
    const { raftSizes, plant } = this.#options;
    const { clock, random, checks, trace } = this.#modules;
    return new SimManager(
      { name, address: `${addressOf(name)}:${managerPort}`, ...(raftSizes && { raftSizes }) },
      {
        ...{ clock, ownClock: this.#clockOf(name), log: this.#log, pki: this.#pki, lines: this.lines },
        random: random.fork(name === firstManager ? "manager" : `manager ${name}`),
        join: (from, request) => this.managers.askFor(from, ({ members }) => members.join(from.nodeId, request)),
        onStore: (store, signal) => this.observer.follow(store, signal),
        onWritten: (written, view) => {
          trace.wrote(written);
          checks.written(written, view);
        },
        onApply: (revision, entry) => checks.applied(revision, entry),
        onSynced: () => trace.say("raft", name === firstManager ? "the log is synced" : `${name} has synced`),
        plant,
        onMachineDead: () => this.#hosts.get(name)?.powerOff(),
        onDamaged: () => {
          this.refused += 1;
          trace.say("simulation", `${name} refuses to start with a flipped bit`);
        },
        onFatal: (error) => checks.add("the manager lives", messageOf(error)),
      },
    );
  }

  /** Of a machine, whatever runs on it. */
  #clockOf(name: string): OwnClock {
    const clock = this.#clocks.get(name) ?? new OwnClock(this.#modules.clock);
    this.#clocks.set(name, clock);
    return clock;
  }

  /** What a part calls an error is one; only a node that was removed may complain, and who lost its disk or leadership. */
  get #log(): Log {
    return watchedLog(this.#options.log, (message, fields) => {
      const host = this.#hosts.get(String(fields["program"]));
      const isRemoved = host && (!host.isMember || !this.managers.store?.table("node").get(host.nodeId));
      if (!isRemoved && !isHonest.test(String(fields["error"])))
        this.#modules.checks.add("no part fails", `${message} ${JSON.stringify(fields)}`);
    });
  }

  #flushLinks(): void {
    for (const { link } of this.#hosts.values()) link.flush();
  }
}

/** Containers by the name of their task. */
function shown(host: SimHost, what: string): string {
  return host.engine.machines.find(({ id }) => id === what)?.name ?? what;
}
