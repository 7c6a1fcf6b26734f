// A dispatcher on virtual time, and agents that say exactly what a test lets them say.

import { messageOf, Queue, silentLog, silentMetrics } from "../../../src/base/index.js";
import {
  type AgentMessage,
  AgentOpen,
  type Assignments,
  type DeepPartial,
  type ManagerMessage,
  type ManagerPeer,
  RefusalKind,
  type StatusReport,
} from "../../../src/gen/skep/v1/dispatcher.js";
import { NodeState, type NodeStatus, TaskState, TaskStatus } from "../../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import { Dispatcher } from "../../../src/manager/dispatcher/index.js";
import type { DispatcherCalls } from "../../../src/rpc/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";
import { Store, type Log as StoreLog, UnknownOutcome } from "../../../src/store/index.js";
import { aCluster, type MemoryStore, memoryStore } from "../../support/memory.js";

export interface Leader extends MemoryStore {
  readonly dispatcher: Dispatcher;
  managers: ManagerPeer[];
  /** Why `run` ended, once it has. */
  failure: string | undefined;
  stop(): Promise<void>;
  statusOf(nodeId: string): string;
}

/** A leader that begins now, on a store that may hold something already. */
export function aLeader(on: MemoryStore = aStore()): Leader {
  const abort = new AbortController();
  const leader: Leader = Object.assign(Object.create(on) as MemoryStore, {
    dispatcher: undefined as unknown as Dispatcher,
    managers: [{ nodeId: "m1", addr: "10.0.0.9:2377" }],
    failure: undefined as string | undefined,
    stop: async () => {
      abort.abort(new Error("test over"));
      await on.clock.settle();
    },
    statusOf: (nodeId: string) => statusText(on.store.table("node").get(nodeId)?.status),
  });
  const { store, clock, random, log, metrics } = on;
  const writer = on.writer;
  const dispatcher = new Dispatcher(
    {},
    { store, writer, clock, random, log, metrics, managers: () => leader.managers },
  );
  dispatcher satisfies DispatcherCalls;
  dispatcher.run(abort.signal).catch((error: unknown) => {
    leader.failure = messageOf(error);
  });
  return Object.assign(leader, { dispatcher });
}

/** A store with a cluster row. */
export function aStore(): MemoryStore {
  const memory = memoryStore();
  void memory.writer.update((tx) => tx.put("cluster", aCluster()));
  return memory;
}

/** The same, with a log that can be made slow or unsure. */
export interface SlowStore extends MemoryStore {
  /** Entries are committed once the returned function is called. */
  hold(): () => void;
  /** The next entry is lost, and nobody knows. */
  loseNext(): void;
}

export function aSlowStore(): SlowStore {
  const clock = new VirtualClock();
  let held: Promise<void> = Promise.resolve();
  let isLost = false;
  const log: StoreLog = {
    propose: async (data, term) => {
      await held;
      if (isLost) {
        isLost = false;
        throw new UnknownOutcome();
      }
      store.apply({ term, data });
    },
  };
  const store: Store = new Store({ freeze: true }, { clock, log, metrics: silentMetrics });
  const writer = store.lead(1);
  void writer.update((tx) => tx.put("cluster", aCluster()));
  const world = { store, clock, writer, random: new SeededRandom(1), log: silentLog, metrics: silentMetrics };
  return {
    ...world,
    changeLeader: () => writer,
    hold: () => {
      let go: () => void = () => {};
      held = new Promise((resolve) => {
        go = resolve;
      });
      return go;
    },
    loseNext: () => {
      isLost = true;
    },
  };
}

/** "READY", "READY suspended: daemon restarting …", "DOWN: heartbeat failure". */
export function statusText(status: NodeStatus | undefined): string {
  const state = Object.entries(NodeState).find(([, value]) => value === status?.state)?.[0] ?? "NONE";
  return `${state}${status?.suspended ? " suspended" : ""}${status?.message ? `: ${status.message}` : ""}`;
}

export class FakeAgent {
  readonly nodeId: string;
  readonly heard: ManagerMessage[] = [];
  /** Why the session ended, "" for a plain end; undefined while it lasts. */
  over: string | undefined;
  readonly #leader: Leader;
  readonly #says = new Queue<AgentMessage>("agent", 100_000);
  readonly #abort = new AbortController();
  #beat = 0;
  #isBeating = false;
  /** While false, the agent reads nothing. */
  #reading: Promise<void> = Promise.resolve();

  constructor(leader: Leader, nodeId: string, open: DeepPartial<AgentOpen> = {}) {
    this.#leader = leader;
    this.nodeId = nodeId;
    this.say({ $case: "open", value: AgentOpen.fromPartial({ format: 1, ...open } as never) });
    void this.#run();
  }

  say(message: NonNullable<AgentMessage["message"]>): void {
    this.#says.push({ message });
  }

  /** Beats every second from now on. */
  keepBeating(): this {
    this.#isBeating = true;
    const beat = (): void => {
      if (!this.#isBeating || this.over !== undefined) return;
      this.#beat += 1;
      this.say({ $case: "heartbeat", value: { number: this.#beat } });
      this.#leader.clock.after(1_000, beat);
    };
    beat();
    return this;
  }

  /** The host is gone: no word, no end of the stream. */
  fallSilent(): void {
    this.#isBeating = false;
  }

  /** The connection breaks. */
  cut(): void {
    this.#isBeating = false;
    this.#abort.abort(new Error("connection lost"));
    this.#says.end(new Error("connection lost"));
  }

  /** Reads nothing until the returned function is called. */
  stopReading(): () => void {
    let go: () => void = () => {};
    this.#reading = new Promise((resolve) => {
      go = resolve;
    });
    return go;
  }

  report(report: StatusReport): void {
    this.say({ $case: "statuses", value: report });
  }

  get assignments(): Assignments[] {
    return this.heard.flatMap(({ message }) => (message?.$case === "assignments" ? [message.value] : []));
  }

  get lastRefusal(): string | undefined {
    const last = this.heard.at(-1)?.message;
    if (last?.$case !== "refusal") return undefined;
    const kind = Object.entries(RefusalKind).find(([, value]) => value === last.value.kind)?.[0];
    return `${kind}: ${last.value.message}`;
  }

  kinds(): string[] {
    return this.heard.map(({ message }) => message?.$case ?? "nothing");
  }

  async #run(): Promise<void> {
    const peer = { nodeId: this.nodeId, role: NodeRole.WORKER, address: "10.0.0.1" };
    const { signal } = this.#abort;
    try {
      for await (const message of this.#leader.dispatcher.session(peer, this.#says, signal)) {
        this.heard.push(message);
        await this.#reading;
      }
      this.over = "";
    } catch (error) {
      this.over = messageOf(error);
    }
  }
}

export function aStatus(state: keyof typeof TaskState, fields: DeepPartial<TaskStatus> = {}): TaskStatus {
  return TaskStatus.fromPartial({ state: TaskState[state], ...fields } as never);
}

/** What a part says, for a person: update ids, removed ids, whether it completes the first set. */
export function partText({ number, update, remove, firstSetComplete }: Assignments): string {
  const said = [...update.map(({ id, version }) => `+${id}@${version}`), ...remove.map((id) => `-${id}`)];
  return [`${number}:`, ...said, ...(firstSetComplete ? ["complete"] : [])].join(" ");
}
