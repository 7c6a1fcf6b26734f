// The subscriptions of this leader: what each node is asked for, and where what it publishes goes.

import {
  type Clock,
  type Gauge,
  type Log,
  type Metrics,
  messageOf,
  newId,
  type Random,
  SwarmError,
  sleep,
  Wake,
} from "../../base/index.js";
import type { LogBatch, LogReadOptions, LogSubscriptions } from "../../gen/skep/v1/logs.js";
import type { Task } from "../../gen/skep/v1/objects.js";
import { follow, type RowChange, type Store, type TableName } from "../../store/index.js";
import { nextWithin } from "./lines.js";
import { type LogPart, Subscription } from "./subscription.js";
import type { LogSelector } from "./targets.js";
import { texts } from "./texts.js";

/** Requests for logs served at once. */
export const subscriptionsMax = 100;
/** A node that begins to publish says for whom within this. */
const openMs = 5_000;
/** Between two looks at which nodes have the tasks that are followed. */
const settleMs = 100;

export interface LogBrokerModules {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

const nothing: LogSubscriptions = { subscriptions: [] };

export class LogBroker {
  readonly #modules: LogBrokerModules;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Made when asked for, dropped when something in it changes. */
  readonly #wanted = new Map<string, LogSubscriptions>();
  readonly #listeners: ((nodeId: string) => void)[] = [];
  /** Rung when the first that follows begins. */
  readonly #begun = new Wake();
  readonly #bell = new Wake();
  readonly #toLookAt = new Set<Subscription>();
  #idle = new AbortController();
  readonly #count: Gauge;
  #isOver = false;

  constructor(_options: Readonly<Record<string, never>>, modules: LogBrokerModules) {
    this.#modules = modules;
    this.#count = modules.metrics.gauge("skep_log_subscriptions", "Requests for logs that this leader serves.");
  }

  /** Lines from now on are held for who asks: to be read once, soon. Aborting the signal ends it. */
  subscribe(selector: LogSelector, read: LogReadOptions, signal: AbortSignal): AsyncIterable<LogPart> {
    if (this.#isOver) throw new SwarmError("Unavailable", texts.leaderChanged);
    if (this.#subscriptions.size >= subscriptionsMax) {
      throw new SwarmError(
        "ResourceExhausted",
        `the leader serves ${subscriptionsMax} requests for logs already: end one`,
      );
    }
    const id = newId(this.#modules.random);
    const subscription = new Subscription(
      { id, selector, read },
      { ...this.#modules, touched: (nodeId) => this.#touched(nodeId), onEnd: () => this.#ended(id) },
    );
    this.#subscriptions.set(id, subscription);
    this.#count.set(this.#subscriptions.size);
    signal.addEventListener("abort", () => subscription.end(), { once: true });
    subscription.begin();
    this.#begun.ring();
    return subscription.parts(signal);
  }

  /** All a node is asked for now; the same object until something in it changes. */
  of(nodeId: string): LogSubscriptions {
    if (this.#subscriptions.size === 0) return nothing;
    const known = this.#wanted.get(nodeId);
    if (known) return known;
    const subscriptions = [...this.#subscriptions.values()].flatMap((each) => each.requestTo(nodeId) ?? []);
    const wanted = { subscriptions };
    this.#wanted.set(nodeId, wanted);
    return wanted;
  }

  onChange(listener: (nodeId: string) => void): void {
    this.#listeners.push(listener);
  }

  /** What a node read for one subscription. Resolves when it said all, or no more is wanted. */
  async publish(nodeId: string, batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#modules;
    const iterator = batches[Symbol.asyncIterator]();
    try {
      const first = await nextWithin(iterator, { silentMs: openMs, clock, signal });
      if (first.done) return;
      const subscription = this.#subscriptions.get(first.value.subscriptionId);
      await subscription?.publish(nodeId, startingWith(first.value, iterator), signal);
    } catch (error) {
      const isForbidden = error instanceof SwarmError && error.kind === "PermissionDenied";
      if (isForbidden) log.warn("published logs refused", { node: nodeId, reason: messageOf(error) });
      throw error;
    } finally {
      void iterator.return?.().then(undefined, () => undefined);
    }
  }

  /** Runs for as long as this manager leads; then every stream ends and says why. Rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#modules;
    const follower = {
      tables: ["task", "node"] satisfies TableName[],
      bell: this.#bell,
      rebuild: () => this.#rebuild(),
      note: (changes: readonly RowChange[]) => this.#note(changes),
      work: (until: AbortSignal) => this.#work(until),
    };
    try {
      // Nothing is watched while nobody follows: at most times nobody does.
      for (;;) {
        await this.#begun.wait(signal);
        if (!this.#isFollowing) continue;
        this.#idle = new AbortController();
        await follow(store, clock, follower, AbortSignal.any([signal, this.#idle.signal])).catch((error: unknown) => {
          if (signal.aborted || !this.#idle.signal.aborted) throw error;
        });
      }
    } finally {
      this.#isOver = true;
      for (const subscription of this.#subscriptions.values()) subscription.fail(texts.leaderChanged);
    }
  }

  get #isFollowing(): boolean {
    return [...this.#subscriptions.values()].some(({ follows }) => follows);
  }

  *#rebuild(): Iterable<void> {
    for (const subscription of this.#subscriptions.values()) this.#toLookAt.add(subscription);
    for (const { id } of this.#modules.store.table("node").all()) {
      for (const subscription of this.#subscriptions.values()) {
        subscription.nodeChanged(id);
        yield;
      }
    }
  }

  #note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "node") this.#nodeChanged(change.id);
      else if (change.table === "task" && moved(change.row, change.previous))
        this.#taskMoved(change.row ?? change.previous);
    }
  }

  #nodeChanged(nodeId: string): void {
    for (const subscription of this.#subscriptions.values()) subscription.nodeChanged(nodeId);
  }

  #taskMoved(task: Task | undefined): void {
    for (const subscription of this.#subscriptions.values()) {
      if (task && subscription.concerns(task)) this.#toLookAt.add(subscription);
    }
    if (this.#toLookAt.size > 0) this.#bell.ring();
  }

  /** One subscription a turn: a service may have many tasks. */
  async #work(signal: AbortSignal): Promise<void> {
    for (const subscription of this.#toLookAt) {
      await this.#modules.store.turns.next(signal);
      this.#toLookAt.delete(subscription);
      subscription.retarget();
    }
    await sleep(this.#modules.clock, settleMs, signal);
  }

  #touched(nodeId: string): void {
    this.#wanted.delete(nodeId);
    for (const listener of this.#listeners) listener(nodeId);
  }

  #ended(id: string): void {
    this.#subscriptions.delete(id);
    this.#count.set(this.#subscriptions.size);
    this.#wanted.clear();
    if (!this.#isFollowing) this.#idle.abort(new Error("nobody follows logs"));
  }
}

/** Only where a task is matters. */
function moved(task: Task | undefined, previous: Task | undefined): boolean {
  return task?.nodeId !== previous?.nodeId;
}

async function* startingWith(first: LogBatch, rest: AsyncIterator<LogBatch>): AsyncGenerator<LogBatch, void, void> {
  yield first;
  for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
}
