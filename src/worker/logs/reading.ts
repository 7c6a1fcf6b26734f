// One log subscription: finds the containers it is about, reads them, puts their lines into one order of time.

import {
  type Clock,
  type Log,
  MergedStream,
  messageOf,
  type Random,
  SwarmError,
  secondsAfter,
} from "../../base/index.js";
import type { ContainerSummary, Engine, LogOptions } from "../../engine/index.js";
import type { LogBatch, LogReadOptions, LogSubscription } from "../../gen/skep/v1/logs.js";
import { taskLabel } from "../container/names.js";
import { ContainerWatch } from "../container-watch.js";
import { batchesOf, bytesOf, type Item } from "./batches.js";

/** Lines of two containers of this machine are held so long to be put in order: one clock, one engine. */
const windowMs = 50;
/** Lines held in all for that. */
const heldBytesMax = 1024 * 1024;
/** Containers read at once, for all subscriptions: the connections to the engine are for other work, too. */
const containersMax = 256;

/** How many containers are read now, for all subscriptions. */
export interface Readers {
  count: number;
}

export interface ReadingModules {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of this node's containers. */
  readonly labels: Readonly<Record<string, string>>;
  readonly readers: Readers;
}

interface Container {
  /** Now, or it was found that it cannot be. */
  isRead: boolean;
  /** Time of its last line. */
  last: string | undefined;
}

export class Reading {
  readonly #subscription: LogSubscription;
  readonly #modules: ReadingModules;
  readonly #stream: MergedStream<Item>;
  readonly #containers = new Map<string, Container>();
  #hasLooked = false;
  #failures = 0;

  constructor(subscription: LogSubscription, modules: ReadingModules) {
    this.#subscription = subscription;
    this.#modules = modules;
    this.#stream = new MergedStream<Item>({ windowMs, expectMs: 0, bytesMax: heldBytesMax, bytesOf }, modules.clock);
  }

  /** All there is to say, bounded in size and speed; to be read once. Ends with the last line, unless it follows. */
  async *batches(signal: AbortSignal): AsyncGenerator<LogBatch, void, void> {
    void this.#find(signal).catch((error: unknown) => this.#failed("", error));
    const { id: subscriptionId } = this.#subscription;
    const isPatient = this.#options.follow;
    yield* batchesOf(this.#stream.read(signal), { subscriptionId, isPatient, clock: this.#modules.clock, signal });
  }

  get #options(): LogReadOptions {
    return this.#subscription.options ?? { follow: false, since: "", stdout: true, stderr: true };
  }

  async #find(signal: AbortSignal): Promise<void> {
    const { serviceId, taskId } = this.#subscription;
    const which = serviceId === "" ? { [taskLabel]: taskId } : { "com.docker.swarm.service.id": serviceId };
    const labels = { ...this.#modules.labels, ...which };
    if (this.#options.follow) return this.#follow(labels, signal);
    try {
      this.#look(await this.#modules.engine.list(labels, signal), signal);
    } catch (error) {
      this.#failed("", error);
    }
    this.#stream.finish();
  }

  async #follow(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const watch: ContainerWatch = new ContainerWatch(labels, {
      ...this.#modules,
      onEvent: ({ action }) => {
        if (action === "start") watch.refresh();
      },
      onList: (containers) => this.#look(containers, signal),
      onSilence: () => undefined,
    });
    await watch.run(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  /** Every container that has something to say, or may have more, is read. */
  #look(containers: readonly ContainerSummary[], signal: AbortSignal): void {
    const isFirst = !this.#hasLooked;
    this.#hasLooked = true;
    for (const { id, labels, state } of containers) {
      const known = this.#containers.get(id);
      if (state === "created" || known?.isRead || (known && state !== "running")) continue;
      if (this.#modules.readers.count >= containersMax) return this.#failed("", tooMany());
      const container = known ?? { isRead: true, last: undefined };
      container.isRead = true;
      this.#containers.set(id, container);
      void this.#read(id, labels[taskLabel] ?? "", container, isFirst, signal);
    }
  }

  /** Never rejects. A container that came later is new as a whole: its lines are not counted from the end. */
  async #read(id: string, taskId: string, container: Container, isFirst: boolean, signal: AbortSignal): Promise<void> {
    const { follow, tail, since } = this.#options;
    const from = container.last === undefined ? since : secondsAfter(container.last);
    const options: LogOptions = {
      ...{ follow, details: true },
      ...(isFirst && tail !== undefined && { tail }),
      ...(from !== "" && { since: from }),
    };
    this.#modules.readers.count += 1;
    await this.#stream.attach(id, this.#lines(id, taskId, container, options, signal));
    this.#modules.readers.count -= 1;
  }

  /** Never throws: that it failed is the last it says. */

  async *#lines(
    id: string,
    taskId: string,
    container: Container,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Item[], void, void> {
    const { stdout, stderr } = this.#options;
    const { engine } = this.#modules;
    try {
      for await (const { stream, timestamp, line: data, details = "" } of engine.logs(id, options, signal)) {
        container.last = timestamp;
        const isStderr = stream === "stderr";
        if (isStderr ? !stderr : !stdout) continue;
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
        yield [{ timestamp, line: { taskId, timestamp, isStderr, data: bytes, details } }];
      }
      container.isRead = false;
    } catch (error) {
      const kind = error instanceof SwarmError ? error.kind : undefined;
      // An engine that is away comes back; one that cannot read these logs will not learn it.
      container.isRead = kind !== "Unavailable" && kind !== "NotFound";
      if (!signal.aborted && kind !== "NotFound")
        yield [{ timestamp: "", failure: { taskId, message: messageOf(error) } }];
    }
  }

  /** It is said among the lines. */
  #failed(taskId: string, error: unknown): void {
    this.#failures += 1;
    const failure = { taskId, message: messageOf(error) };
    async function* once(): AsyncGenerator<readonly Item[], void, void> {
      yield [{ timestamp: "", failure }];
    }
    void this.#stream.attach(`failure ${this.#failures}`, once());
  }
}

function tooMany(): SwarmError {
  return new SwarmError("ResourceExhausted", `the node reads the logs of ${containersMax} containers already`);
}
