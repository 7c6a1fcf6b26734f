// The containers an embedded engine holds: one place where each changes, one timer for what each does next, and a record
// of what happened.

import { type Clock, SwarmError, type Timer } from "../../base/index.js";
import type { CreateContainer, LogLine } from "../engine.js";
import { type EngineEvent, eventOfHappening } from "./events.js";
import { Feed } from "./feed.js";
import { created, dueMs, killedAt, type Machine, type Now, portsOf, started, tick } from "./machine.js";
import { firstEphemeralPort, grantPorts, portKey } from "./ports.js";
import type { Life } from "./power.js";
import { rfc3339Nano } from "./times.js";

/** Events and log lines kept; Docker keeps 256 events. */
const eventsKept = 4096;
const logLinesKept = 1000;

export interface Kept {
  machine: Machine;
  timer: Timer | undefined;
  readonly log: Feed<LogLine>;
  /** Called at each change; the argument is undefined once it is removed. */
  readonly watchers: Set<(machine: Machine | undefined) => void>;
}

export class Yard {
  readonly events = new Feed<EngineEvent>(eventsKept);
  /** How often something changed, seen or not. */
  changes = 0;
  readonly #clock: Clock;
  /** While nobody is there to see, nothing is recorded: it is found only by looking again. */
  readonly #isSeen: () => boolean;
  readonly #containers = new Map<string, Kept>();
  readonly #idOfName = new Map<string, string>();
  #nextPid = 1000;
  #nextPort = firstEphemeralPort;

  constructor(modules: { readonly clock: Clock; readonly isSeen: () => boolean }) {
    this.#clock = modules.clock;
    this.#isSeen = modules.isSeen;
  }

  now(): Now {
    return { monotonicMs: this.#clock.monotonic(), wallMs: this.#clock.now() };
  }

  /** Newest first, as Docker lists them. */
  get machines(): readonly Machine[] {
    return [...this.#containers.values()].map(({ machine }) => machine).reverse();
  }

  find(idOrName: string): Kept | undefined {
    return this.#containers.get(idOrName) ?? this.#containers.get(this.#idOfName.get(idOrName) ?? "");
  }

  /** NotFound when there is none. */
  get(idOrName: string): Kept {
    const kept = this.find(idOrName);
    if (!kept) throw new SwarmError("NotFound", `No such container: ${idOrName}`);
    return kept;
  }

  /** Nothing is kept before `add`. Refuses what Docker would refuse. */
  draft(id: string, name: string, config: CreateContainer): Machine {
    this.#refuseName(name);
    return created(id, name, config, this.now());
  }

  add(machine: Machine): void {
    this.#refuseName(machine.name);
    const kept = { machine, timer: undefined, log: new Feed<LogLine>(logLinesKept), watchers: new Set<never>() };
    this.changes += 1;
    this.#containers.set(machine.id, kept);
    this.#idOfName.set(machine.name, machine.id);
    this.#tell(machine, "create");
  }

  /** created, exited → running. Fails when a host port is taken. */
  start({ machine, log }: Kept): void {
    const taken = machine.config.HostConfig.PortBindings ? this.#takenPorts() : new Set<string>();
    const granted = grantPorts(machine.name, machine.config, (key) => taken.has(key), this.#nextPort);
    this.#nextPort = granted.nextFree;
    log.reopen();
    const running = started(machine, this.now(), this.#nextPid++, granted.ports);
    this.#tell(running, "start");
    this.set(running);
  }

  /** The one place a machine changes: what is due now happens, the timer is set for what comes next. */
  set(changed: Machine): void {
    const kept = this.get(changed.id);
    kept.timer?.cancel();
    this.changes += 1;
    const { machine, happenings } = tick(changed, this.now());
    kept.machine = machine;
    for (const happening of happenings) {
      if (happening.kind === "wrote") kept.log.push(this.#line(happening.stream, happening.text));
      else this.#tell(machine, ...eventOfHappening(happening));
    }
    if (machine.phase.kind === "exited") kept.log.end();
    this.#arm(kept);
    for (const watcher of [...kept.watchers]) watcher(machine);
  }

  /** Its process is killed, now; no change when it does not run. */
  kill({ machine }: Kept, oom = false): void {
    const { phase } = machine;
    if (phase.kind !== "running") return;
    const end = { atMs: this.#clock.monotonic(), code: 137, oom };
    this.set(oom ? { ...machine, phase: { ...phase, end } } : killedAt(machine, end.atMs));
  }

  remove(kept: Kept): void {
    this.kill(kept);
    kept.timer?.cancel();
    this.changes += 1;
    this.#containers.delete(kept.machine.id);
    this.#idOfName.delete(kept.machine.name);
    kept.log.end();
    this.#tell(kept.machine, "destroy");
    for (const watcher of [...kept.watchers]) watcher(undefined);
  }

  /** Waits until the container no longer runs, or is gone. */
  async stopped(kept: Kept, life: Life, signal: AbortSignal): Promise<void> {
    if (kept.machine.phase.kind !== "running") return;
    await life.wait<void>((resolve) => {
      const watcher = (machine: Machine | undefined): void => {
        if (machine?.phase.kind !== "running") resolve();
      };
      kept.watchers.add(watcher);
      return () => kept.watchers.delete(watcher);
    }, signal);
  }

  #arm(kept: Kept): void {
    const due = dueMs(kept.machine);
    const delayMs = (due ?? 0) - this.#clock.monotonic();
    kept.timer = due === undefined ? undefined : this.#clock.after(delayMs, () => this.set(kept.machine));
  }

  #tell(machine: Machine, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    if (this.#isSeen()) this.events.push({ wallMs: this.#clock.now(), machine, action, attributes });
  }

  #line(stream: LogLine["stream"], text: string): LogLine {
    return { stream, timestamp: rfc3339Nano(this.#clock.now()), line: new TextEncoder().encode(text) };
  }

  #takenPorts(): ReadonlySet<string> {
    return new Set(this.machines.flatMap((machine) => portsOf(machine).map(portKey)));
  }

  #refuseName(name: string): void {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
      const text = `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;
      throw new SwarmError("InvalidArgument", text);
    }
    const id = this.#idOfName.get(name);
    if (id === undefined) return;
    const remedy = "You have to remove (or rename) that container to be able to reuse that name.";
    const text = `Conflict. The container name "/${name}" is already in use by container "${id}". ${remedy}`;
    throw new SwarmError("AlreadyExists", text);
  }
}
