// A broker over a store in memory, and nodes that publish what a test tells them.

import { Queue } from "../../../src/base/index.js";
import type { LogBatch, LogReadOptions } from "../../../src/gen/skep/v1/logs.js";
import type { TaskState } from "../../../src/gen/skep/v1/objects.js";
import { LogBroker, type LogPart, type LogSelector } from "../../../src/manager/logs/index.js";
import { aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../../support/memory.js";

export class LogSwarm {
  readonly m: MemoryStore = memoryStore();
  readonly broker = new LogBroker({}, this.m);
  readonly #life = new AbortController();
  readonly running: Promise<unknown>;

  constructor() {
    this.running = this.broker.run(this.#life.signal).catch((error: unknown) => error);
  }

  /** A service with one task per node named, called t-<node>. */
  async service(nodeIds: readonly string[], state: keyof typeof TaskState = "RUNNING"): Promise<void> {
    const web = aService({ id: "web", name: "web" });
    await this.m.writer.update((tx) => {
      putService(tx, web);
      for (const nodeId of nodeIds) {
        if (nodeId !== "") tx.put("node", aNode({ id: nodeId }));
        tx.put("task", aTask({ serviceId: "web", id: `t-${nodeId}`, nodeId, state }));
      }
    });
  }

  async down(nodeId: string): Promise<void> {
    await this.m.writer.update((tx) => tx.put("node", aNode({ id: nodeId, state: "DOWN" })));
  }

  /** leading → not leading. */
  async unlead(): Promise<void> {
    this.#life.abort(new Error("not leading any more"));
    await this.running;
  }

  subscribe(options: Partial<LogReadOptions> = {}, selector: LogSelector = { kind: "service", id: "web" }): Reader {
    const read = { follow: false, since: "", stdout: true, stderr: true, ...options };
    const gone = new AbortController();
    return new Reader(this.broker.subscribe(selector, read, gone.signal), gone);
  }

  /** What the node is asked for; fails when that is not one thing. */
  askedOf(nodeId: string) {
    const [only, ...more] = this.broker.of(nodeId).subscriptions;
    if (!only || more.length > 0) throw new Error(`${nodeId} is asked for ${more.length + (only ? 1 : 0)} things`);
    return only;
  }

  publish(nodeId: string, subscriptionId = this.askedOf(nodeId).id): Publisher {
    return new Publisher(nodeId, subscriptionId, this.broker);
  }
}

export class Publisher {
  readonly #queue = new Queue<LogBatch>("published", 10_000);
  readonly #nodeId: string;
  readonly over: Promise<unknown>;

  constructor(nodeId: string, subscriptionId: string, broker: LogBroker) {
    this.#nodeId = nodeId;
    this.#queue.push({ subscriptionId, lines: [], failures: [] });
    this.over = broker.publish(nodeId, this.#queue, new AbortController().signal).catch((error: unknown) => error);
  }

  /** Lines of the node's own task at these seconds. */
  lines(...seconds: readonly number[]): this {
    return this.linesOf(`t-${this.#nodeId}`, ...seconds);
  }

  linesOf(taskId: string, ...seconds: readonly number[]): this {
    const lines = seconds.map((at) => ({
      taskId,
      timestamp: timestampOf(at),
      isStderr: false,
      data: Buffer.from(`${this.#nodeId} ${at}`),
      details: "",
    }));
    this.#queue.push({ subscriptionId: "", lines, failures: [] });
    return this;
  }

  sign(): this {
    this.#queue.push({ subscriptionId: "", lines: [], failures: [] });
    return this;
  }

  fails(message: string, taskId = `t-${this.#nodeId}`): this {
    this.#queue.push({ subscriptionId: "", lines: [], failures: [{ taskId, message }] });
    return this;
  }

  end(): void {
    this.#queue.end();
  }

  cut(): void {
    this.#queue.end(new Error("cut"));
  }
}

/** Reads all there is into `said`. */
export class Reader {
  readonly said: string[] = [];
  readonly over: Promise<void>;
  readonly #gone: AbortController;
  isOver = false;

  constructor(parts: AsyncIterable<LogPart>, gone: AbortController) {
    this.#gone = gone;
    this.over = this.#read(parts).catch(() => undefined);
  }

  leave(): void {
    this.#gone.abort(new Error("the client is gone"));
  }

  async #read(parts: AsyncIterable<LogPart>): Promise<void> {
    try {
      for await (const part of parts) {
        if (part.kind === "incomplete") this.said.push(part.text);
        else
          for (const { said } of part.lines)
            this.said.push(said.$case === "line" ? said.line.data.toString() : said.text);
      }
    } finally {
      this.isOver = true;
    }
  }
}

function timestampOf(seconds: number): string {
  return new Date(Date.UTC(2026, 10, 20) + seconds * 1000).toISOString().replace("Z", "000000Z");
}
