// Workers without engines: they drive the tasks of their nodes as real agents would, on virtual time, and remember which
// containers they run, so that a test can see whether two of them ever overlapped.

import { type Clock, type Timer, wallTime } from "../../src/base/index.js";
import { NodeState, type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { isOnNode, isTerminal, isWanted, stateOf } from "../../src/model/index.js";
import type { MemoryStore } from "./memory.js";

/** What becomes of a task's container. */
export interface Fate {
  /** From ASSIGNED to READY. */
  readonly prepareMs?: number;
  /** From READY to RUNNING. */
  readonly startMs?: number;
  /** From being told to stop to SHUTDOWN. */
  readonly stopMs?: number;
  /** Ends by itself after this long at RUNNING, or (REJECTED) instead of READY. */
  readonly ends?: { readonly afterMs: number; readonly as: "COMPLETE" | "FAILED" | "REJECTED" };
}

/** A store with its writer, and whatever time it is. */
export type AgentsWorld = Pick<MemoryStore, "store" | "writer"> & { readonly clock: Clock };

export class FakeAgents {
  readonly #m: AgentsWorld;
  readonly #timers = new Map<string, Timer>();
  /** Tasks with a container that runs, by id. */
  readonly running = new Map<string, Task>();
  /** The most containers each slot ever ran at once. */
  readonly most = new Map<string, number>();
  /** Hosts that are switched off. */
  readonly #off = new Set<string>();
  fateOf: (task: Task) => Fate = () => ({});

  constructor(m: AgentsWorld) {
    this.#m = m;
  }

  async run(signal: AbortSignal): Promise<void> {
    const batches = this.#m.store.watch({ tables: ["task"] }, signal);
    for (const task of this.#m.store.table("task").all()) this.#drive(task.id);
    for await (const batch of batches) for (const change of batch.changes) this.#drive(change.id);
  }

  /** The host dies with its containers, and is noticed. */
  async kill(nodeId: string): Promise<void> {
    this.#off.add(nodeId);
    for (const [id, task] of this.running) if (task.nodeId === nodeId) this.#stopped(id);
    await this.#setState(nodeId, NodeState.DOWN);
  }

  /** The host is cut off: its containers run on, and nothing reaches it. */
  async cut(nodeId: string): Promise<void> {
    this.#off.add(nodeId);
    await this.#setState(nodeId, NodeState.DOWN);
  }

  /** The host is reached again, with its containers as they were. */
  async mend(nodeId: string): Promise<void> {
    this.#off.delete(nodeId);
    await this.#setState(nodeId, NodeState.READY);
    for (const task of [...this.#m.store.table("task").by("node", nodeId)]) this.#drive(task.id);
  }

  /** The host is back, without its containers: what it should still run has failed. */
  async revive(nodeId: string): Promise<void> {
    if (!this.#off.delete(nodeId)) return;
    await this.#setState(nodeId, NodeState.READY);
    for (const task of [...this.#m.store.table("task").by("node", nodeId)]) {
      if (stateOf(task) === TaskState.RUNNING)
        await this.#report(task.id, isWanted(task) ? TaskState.FAILED : TaskState.SHUTDOWN);
      else this.#drive(task.id);
    }
  }

  /** Ends a running container from outside. */
  async end(taskId: string, as: "FAILED" | "COMPLETE" = "FAILED"): Promise<void> {
    await this.#report(taskId, TaskState[as]);
  }

  async #setState(nodeId: string, state: NodeState): Promise<void> {
    await this.#m.writer.update((tx) => {
      const node = tx.table("node").get(nodeId);
      if (node) tx.put("node", { ...node, status: { ...status(node.status), state } });
    });
  }

  /** One step of a task; each report leads to the next through the watch. */
  #drive(taskId: string): void {
    const task = this.#m.store.table("task").get(taskId);
    this.#timers.get(taskId)?.cancel();
    this.#timers.delete(taskId);
    if (task === undefined || !isOnNode(task)) return this.#stopped(taskId);
    if (this.#off.has(task.nodeId)) return;
    const fate = this.fateOf(task);
    if (!isWanted(task)) return this.#later(taskId, fate.stopMs ?? 10, TaskState.SHUTDOWN);
    const rejects = fate.ends?.as === "REJECTED";
    const state = stateOf(task);
    if (state < TaskState.READY) {
      this.#later(taskId, fate.prepareMs ?? 20, rejects ? TaskState.REJECTED : TaskState.READY);
    } else if (state === TaskState.READY) {
      if (task.desiredState >= TaskState.RUNNING) this.#later(taskId, fate.startMs ?? 20, TaskState.RUNNING);
    } else if (state === TaskState.RUNNING && fate.ends && !rejects) {
      this.#later(taskId, fate.ends.afterMs, TaskState[fate.ends.as]);
    }
  }

  #later(taskId: string, ms: number, state: TaskState): void {
    this.#timers.set(
      taskId,
      this.#m.clock.after(ms, () => void this.#report(taskId, state)),
    );
  }

  async #report(taskId: string, state: TaskState): Promise<void> {
    const now = wallTime(this.#m.clock.now());
    await this.#m.writer.update((tx) => {
      const task = tx.table("task").get(taskId);
      if (task === undefined || stateOf(task) >= state || this.#off.has(task.nodeId)) return;
      tx.setStatus(taskId, { ...blank, ...task.status, state, timestamp: now, appliedAt: now, message: "" });
      if (state === TaskState.RUNNING) this.#started(task);
      if (isTerminal(state)) this.#stopped(taskId);
    });
  }

  #started(task: Task): void {
    this.running.set(task.id, task);
    const key = slotName(task);
    const count = [...this.running.values()].filter((each) => slotName(each) === key).length;
    this.most.set(key, Math.max(count, this.most.get(key) ?? 0));
  }

  #stopped(taskId: string): void {
    this.running.delete(taskId);
  }
}

/** Where the node is the slot, its id stands for the number. */
function slotName({ serviceId, slot, nodeId }: Task): string {
  return `${serviceId}/${slot > 0 ? slot : nodeId}`;
}

const blank = { state: TaskState.NEW, message: "", err: "", container: undefined, ports: [] };

function status<T extends object>(
  given: T | undefined,
): T & { message: string; addr: string; since: undefined; suspended: boolean } {
  return { message: "", addr: "", since: undefined, suspended: false, ...given } as never;
}
