// The embedded engine: containers in memory, driven only by the injected clock. Each container is a pure machine
// (machine.ts) in the yard (yard.ts); this puts Docker's verbs, durations and failures around it.

import { type Clock, type Random, SwarmError } from "../../base/index.js";
import { stopGraceDefaultSeconds } from "../bounds.js";
import type {
  Container,
  ContainerEvent,
  ContainerSummary,
  CreateContainer,
  Engine,
  EngineInfo,
  LogLine,
  LogOptions,
  PullProgress,
} from "../engine.js";
import { type EngineEvent, hintOf, matchesLabels } from "./events.js";
import { familiarName, type Image, Images, type PullFault } from "./images.js";
import { embeddedInfo } from "./info.js";
import { linesOf } from "./lines.js";
import { killedAt, type Machine, portsOf, signalled, stateOf } from "./machine.js";
import type { EmbeddedOptions } from "./options.js";
import { Power } from "./power.js";
import { signalNumber } from "./signals.js";
import { Yard } from "./yard.js";

export class EmbeddedEngine implements Engine {
  readonly id: string;
  readonly options: EmbeddedOptions;
  readonly clock: Clock;
  readonly #random: Random;
  readonly #power: Power;
  readonly #yard: Yard;
  readonly #images = new Images();
  #answersToLose = 0;
  /** Until then earlier starts keep the engine busy; monotonic. */
  #busyUntilMs = 0;

  constructor(options: EmbeddedOptions, modules: { readonly clock: Clock; readonly random: Random }) {
    this.options = options;
    this.clock = modules.clock;
    this.#random = modules.random;
    this.#power = new Power(modules.clock);
    this.#yard = new Yard({ clock: modules.clock, isSeen: () => !this.#power.isCrashed });
    this.id = this.#hexId();
  }

  // What a worker asks.

  async info(signal: AbortSignal): Promise<EngineInfo> {
    await this.#power.enter(signal);
    return embeddedInfo(this.id, this.options);
  }

  async hasImage(image: string, signal: AbortSignal): Promise<boolean> {
    await this.#power.enter(signal);
    return this.#images.has(image);
  }

  async pull(
    image: string,
    _registryAuth: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const life = await this.#power.enter(signal);
    await this.#images.fetch(image, this.options.pullMs ?? 0, onProgress, life, signal);
    this.addImage(image);
  }

  async create(name: string, config: CreateContainer, signal: AbortSignal): Promise<string> {
    const life = await this.#power.enter(signal);
    if (!this.#images.has(config.Image))
      throw new SwarmError("NotFound", `No such image: ${familiarName(config.Image)}`);
    const machine = this.#yard.draft(this.#hexId(), name, config);
    if (machine.script.fail === "create") throw new SwarmError("Unknown", "skep.sim: the engine fails to create it");
    await life.sleep((this.options.createMs ?? 0) + (machine.script.pullMs ?? 0), signal);
    await life.answering(signal);
    this.#yard.add(machine);
    this.#answer();
    return machine.id;
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    const life = await this.#power.enter(signal);
    const { script, phase } = this.#yard.get(id).machine;
    if (phase.kind === "running") return;
    if (script.hang === "start") await life.wait<never>(() => () => {}, signal);
    await life.sleep(this.#startTakesMs(script.startMs ?? 0), signal);
    await life.answering(signal);
    const kept = this.#yard.get(id);
    // Another start may have come first.
    if (kept.machine.phase.kind === "running") return;
    if (script.fail === "start") throw new SwarmError("Unknown", "skep.sim: the engine fails to start it");
    this.#yard.start(kept);
    this.#answer();
  }

  async stop(id: string, graceSeconds: number | undefined, signal: AbortSignal): Promise<void> {
    const life = await this.#power.enter(signal);
    const kept = this.#yard.get(id);
    const { StopSignal, StopTimeout } = kept.machine.config;
    const now = this.#yard.now();
    const graceMs = (graceSeconds ?? StopTimeout ?? stopGraceDefaultSeconds) * 1000;
    const stopSignal = signalNumber(StopSignal ?? "SIGTERM");
    const asked = signalled(kept.machine, now, stopSignal, true, this.options.stopMs ?? 0);
    // A negative grace waits for ever.
    this.#yard.set(graceMs < 0 ? asked : killedAt(asked, now.monotonicMs + graceMs));
    await this.#yard.stopped(kept, life, signal);
    await life.answering(signal);
    this.#answer();
  }

  async kill(id: string, signalName: string, signal: AbortSignal): Promise<void> {
    await this.#power.enter(signal);
    const { machine } = this.#yard.get(id);
    const number = signalNumber(signalName);
    if (machine.phase.kind !== "running") {
      const text = `Cannot kill container: ${id}: Container ${machine.id} is not running`;
      throw new SwarmError("FailedPrecondition", text);
    }
    this.#yard.set(signalled(machine, this.#yard.now(), number, false, this.options.stopMs ?? 0));
    this.#answer();
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#power.enter(signal);
    const kept = this.#yard.find(id);
    if (!kept) return;
    this.#yard.remove(kept);
    this.#answer();
  }

  async inspect(idOrName: string, signal: AbortSignal): Promise<Container | undefined> {
    await this.#power.enter(signal);
    const machine = this.#yard.find(idOrName)?.machine;
    if (!machine) return undefined;
    const { id, name, config } = machine;
    return { id, name, image: config.Image, labels: config.Labels, state: stateOf(machine), ports: portsOf(machine) };
  }

  async list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    await this.#power.enter(signal);
    return this.machines
      .filter((machine) => matchesLabels(machine.config.Labels, labels))
      .map(({ id, name, config, phase }) => ({ id, name, labels: config.Labels, state: phase.kind }));
  }

  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<ContainerEvent> {
    return this.#hints(this.#yard.events.next, labels, signal);
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine, void, undefined> {
    const life = await this.#power.enter(signal);
    yield* linesOf(this.#yard.get(id).log, options, life, signal);
  }

  /** Ends with the process that holds it: its containers are gone and nothing waits for the clock any more. */
  close(): void {
    this.#power.crash();
    for (const { id } of this.machines) this.#yard.remove(this.#yard.get(id));
  }

  // What its HTTP face and the simulation ask besides.

  /** Newest first. */
  get machines(): readonly Machine[] {
    return this.#yard.machines;
  }

  get images(): readonly Image[] {
    return this.#images.all;
  }

  /** Fails with Unavailable when the engine does not answer. */
  async answering(signal: AbortSignal): Promise<void> {
    await this.#power.enter(signal);
  }

  /** How often a container changed, whether or not anybody could see it. */
  get changes(): number {
    return this.#yard.changes;
  }

  /** Number the next event will get. */
  get nextEvent(): number {
    return this.#yard.events.next;
  }

  /** All events from number `from` on; those no longer kept are left out. Without `follow` only what was. */
  async *eventStream(from: number, follow: boolean, signal: AbortSignal): AsyncGenerator<EngineEvent, void, undefined> {
    const life = await this.#power.enter(signal);
    yield* this.#yard.events.read(from, follow, life, signal);
  }

  /** Puts an image there without a pull. */
  addImage(image: string): void {
    this.#images.add(image, `sha256:${this.#hexId()}`, this.clock.now());
  }

  removeImage(image: string): void {
    this.#images.remove(image);
  }

  // Faults.

  /** Pulls of this image fail so from now on; undefined: they work again. */
  failPull(image: string, fault: PullFault | undefined): void {
    this.#images.fail(image, fault);
  }

  /** The next `count` calls that change something are carried out, and their answers get lost (Unavailable). */
  loseAnswers(count: number): void {
    this.#answersToLose = count;
  }

  /** The engine's process stops for a while: connections stay open and nothing is answered. Containers run on. */
  freeze(): void {
    this.#power.freeze();
  }

  /** The engine's process dies: every call and stream fails. Containers run on. */
  crash(): void {
    this.#power.crash();
  }

  /** After `freeze` or `crash`: it answers again, its containers still there; ended by the outage only if `killed`. */
  recover(options: { readonly killed?: boolean } = {}): void {
    if (options.killed) for (const { id } of this.machines) this.#yard.kill(this.#yard.get(id));
    this.#power.up();
  }

  /** A container's process is killed from outside, as an administrator would, or the kernel (`oom`). */
  killProcess(idOrName: string, options: { readonly oom?: boolean } = {}): void {
    this.#yard.kill(this.#yard.get(idOrName), options.oom);
  }

  async *#hints(from: number, labels: Readonly<Record<string, string>>, signal: AbortSignal) {
    for await (const event of this.eventStream(from, true, signal)) {
      if (matchesLabels(event.machine.config.Labels, labels)) yield hintOf(event);
    }
  }

  /** Starts stand in a row when the engine has a rate; the latency of one overlaps the next. */
  #startTakesMs(extraMs: number): number {
    const nowMs = this.clock.monotonic();
    const perStartMs = this.options.startsPerSecond ? 1000 / this.options.startsPerSecond : 0;
    this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + perStartMs;
    return Math.max(this.#busyUntilMs - nowMs, (this.options.startMs ?? 0) + extraMs);
  }

  /** The change is made; its answer may get lost. */
  #answer(): void {
    if (this.#answersToLose === 0) return;
    this.#answersToLose -= 1;
    throw new SwarmError("Unavailable", "the connection to the embedded engine broke before its answer");
  }

  #hexId(): string {
    return [...this.#random.bytes(32)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
