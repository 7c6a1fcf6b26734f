// One of three managers' stores, each in a process of its own on a real Raft log; the leader's makes and schedules tasks.

import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { newId, silentLog, silentMetrics, wallTime } from "../../src/base/index.js";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { newTask } from "../../src/model/index.js";
import type { Credentials } from "../../src/rpc/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { Store, type Writer } from "../../src/store/index.js";
import { aNode, aService } from "../../test/support/memory.js";
import { memberOverLinks, type OverLinks } from "../../test/support/raft_over_links.js";
import { answerAsChild, Child } from "./child.js";

/** The argument that makes the bench's own program such a process. */
export const schedulingRole = "scheduling-process";
/** Tasks of one transaction, as the orchestrator makes them. */
const tasksEach = 1_000;

interface Start {
  readonly id: number;
  readonly path: string;
  readonly credentials: Credentials;
}

export interface Work {
  readonly nodes: number;
  readonly services: number;
  readonly tasksOfEach: number;
}

class SchedulingMember {
  readonly #addrs = new Map<number, string>();
  #overLinks: OverLinks | undefined;
  #store: Store | undefined;
  #writer: Writer | undefined;
  #scheduling: AbortController | undefined;

  async start({ id, path, credentials }: Start): Promise<string> {
    const store: Store = new Store(
      {},
      {
        ...{ clock: systemClock, metrics: silentMetrics },
        log: { propose: (data, term) => this.#member.propose(data, term) },
      },
    );
    this.#store = store;
    this.#overLinks = await memberOverLinks({
      ...{ id, path, credentials, bootstrap: id === 1, join: id !== 1 },
      machine: {
        apply: (entry) => store.apply(entry),
        snapshot: () => store.snapshot(),
        restore: (chunks) => store.restore(chunks),
      },
      addressOf: (other) => this.#addrs.get(other),
    });
    return this.#overLinks.server.addr;
  }

  meet(addrs: readonly (readonly [number, string])[]): void {
    for (const [id, addr] of addrs) this.#addrs.set(id, addr);
  }

  /** Makes `id` a voter, as soon as it has caught up. */
  async add(id: number): Promise<void> {
    for (const kind of [ConfChangeKind.ADD_LEARNER, ConfChangeKind.ADD_VOTER]) {
      while ((await this.#member.proposeConfChange({ kind, member: id }, this.#member.status.term)) !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Leads, with nodes and a scheduler that waits. */
  async prepare(nodes: number): Promise<void> {
    const store = this.#knownStore;
    const writer = store.lead(this.#member.status.term);
    this.#writer = writer;
    const rows = Array.from({ length: nodes }, (_, at) => aNode({ id: `node-${at}` }));
    for (let at = 0; at < rows.length; at += tasksEach) {
      await writer.update((tx) => rows.slice(at, at + tasksEach).forEach((row) => tx.put("node", row)));
    }
    this.#scheduling = new AbortController();
    const world = { clock: systemClock, log: silentLog, metrics: silentMetrics };
    new Scheduler({}, { store, writer, ...world }).run(this.#scheduling.signal).catch(() => undefined);
  }

  /** Creates PENDING tasks of `services` new services, a service a transaction; seconds until all are ASSIGNED. */
  async createAndSchedule({ services, tasksOfEach }: Work): Promise<number> {
    const [store, writer] = [this.#knownStore, this.#writer];
    if (writer === undefined) throw new Error("it does not lead");
    const done = new AbortController();
    const assigned = allAssigned(store, services * tasksOfEach, done.signal);
    const fromMs = performance.now();
    const writes = Array.from({ length: services }, () => newService(writer, tasksOfEach));
    await Promise.all([...writes, assigned]);
    done.abort(new Error("measured"));
    return (performance.now() - fromMs) / 1_000;
  }

  async stop(): Promise<void> {
    this.#scheduling?.abort(new Error("measured"));
    await this.#overLinks?.close();
  }

  get #member(): OverLinks["member"] {
    if (this.#overLinks === undefined) throw new Error("the member has not been started");
    return this.#overLinks.member;
  }

  get #knownStore(): Store {
    if (this.#store === undefined) throw new Error("the member has not been started");
    return this.#store;
  }
}

async function newService(writer: Writer, tasks: number): Promise<void> {
  const { service, revision } = aService({ id: newId(systemRandom), replicas: tasks });
  await writer.update((tx) => {
    tx.put("service", service);
    tx.put("revision", revision);
  });
  const now = wallTime(systemClock.now());
  for (let made = 0; made < tasks; made += tasksEach) {
    await writer.update((tx) => {
      for (let slot = made + 1; slot <= Math.min(tasks, made + tasksEach); slot += 1) {
        const task = newTask({ id: newId(systemRandom), serviceId: service.id, revision: 1, slot, now });
        tx.put("task", { ...task, status: task.status && { ...task.status, state: TaskState.PENDING } });
      }
    });
  }
}

async function allAssigned(store: Store, total: number, signal: AbortSignal): Promise<void> {
  let assigned = 0;
  for await (const { changes } of store.watch({ tables: ["task"], max: total * 2 }, signal)) {
    for (const { row } of changes) if (row && "nodeId" in row && row.nodeId !== "") assigned += 1;
    if (assigned >= total) return;
  }
}

function callsOf(member: SchedulingMember) {
  return {
    start: (options: Start) => member.start(options),
    meet: (addrs: readonly (readonly [number, string])[]) => member.meet(addrs),
    add: (id: number) => member.add(id),
    prepare: (nodes: number) => member.prepare(nodes),
    createAndSchedule: (work: Work) => member.createAndSchedule(work),
    stop: () => member.stop(),
  };
}

/** In the child. */
export function runSchedulingProcess(): void {
  answerAsChild(callsOf(new SchedulingMember()));
}

export type SchedulingProcess = Child<ReturnType<typeof callsOf>>;

/** In the bench. */
export function schedulingProcess(nodeFlags: readonly string[]): SchedulingProcess {
  return new Child(schedulingRole, nodeFlags);
}
