// "Work per event is proportional to the change" within one service, too: with 20,000 slots, an event reads the slots it touches,
// and what makes or changes all of them reads each a few times, however many transactions that takes.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { type Task, TaskState, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { UpdateConfig, UpdateFailureAction } from "../../src/gen/skep/v1/specs.js";
import { Orchestrator } from "../../src/manager/orchestrator/index.js";
import { isWanted } from "../../src/model/index.js";
import type { Transaction } from "../../src/store/index.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type MemoryStore,
  memoryStore,
  putRevision,
  putService,
  type ServiceOptions,
} from "../support/memory.js";
import { countReads } from "../support/reads.js";

const slots = 20_000;
/** Rows an event may make the orchestrator read: some slots' tasks, the service, its spec and a node, a few times over. */
const eventReads = 100;
/** The same for something that touches each slot. */
const readsOfEach = 25;

const parallelism = 10;
const options: ServiceOptions = {
  name: "web",
  replicas: slots,
  spec: { update: UpdateConfig.fromPartial({ parallelism, failureAction: UpdateFailureAction.CONTINUE }) },
};

let m: MemoryStore;
let life: AbortController;
let over: Promise<unknown>;

beforeEach(() => {
  m = memoryStore(undefined, 1, { freeze: false });
  life = new AbortController();
});

afterEach(async () => {
  life.abort(new Error("the test is over"));
  await over;
});

function lead(): void {
  over = new Orchestrator({}, m).run(life.signal).catch(() => undefined);
}

const tasks = (): readonly Task[] => [...m.store.table("task").by("service", "web")];

function setState(tx: Transaction, task: Task, state: TaskState): void {
  const now = wallTime(m.clock.now());
  if (task.status) tx.setStatus(task.id, { ...task.status, state, timestamp: now, appliedAt: now });
}

describe("a service of 20,000 slots", () => {
  test("is made and grows", async () => {
    await m.writer.update((tx) => tx.put("cluster", aCluster()));
    lead();
    const made = await countReads(async () => {
      await m.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
      await m.clock.advance(1_000);
    });
    expect(tasks().length).toBe(slots);
    expect(made).toBeLessThan(readsOfEach * slots);
  });

  test("during an update", async () => {
    await fill();
    lead();
    await m.clock.advance(1_000);
    const begun = await countReads(async () => {
      await m.writer.update((tx) => putRevision(tx, "web", aServiceSpec({ ...options, image: "image:2" })));
      await m.clock.advance(1_000);
    });
    expect(m.store.table("service").get("web")?.updateStatus).toMatchObject({
      state: UpdateState.UPDATING,
      total: slots,
    });
    expect.soft(begun, "it begins").toBeLessThan(readsOfEach * slots);
    const read: Record<string, number> = {};
    for (const { name, of, state } of events) {
      const task = tasks().find(of) ?? expect.unreachable();
      read[name] = await countReads(async () => {
        await m.writer.update((tx) => (state === undefined ? tx.delete("task", task.id) : setState(tx, task, state)));
        await m.clock.advance(200);
      });
    }
    for (const [name, reads] of Object.entries(read)) expect.soft(reads, name).toBeLessThan(eventReads);
    expect(tasks().filter((task) => isWanted(task) && task.revision === 2).length).toBeGreaterThan(parallelism);
  });
});

const stateOf = (task: Task): TaskState => task.status?.state ?? TaskState.NEW;
const isNew = (task: Task): boolean => isWanted(task) && task.revision === 2 && stateOf(task) < TaskState.RUNNING;
const isOld = (task: Task): boolean => isWanted(task) && task.revision === 1;

interface Event {
  readonly name: string;
  readonly of: (task: Task) => boolean;
  /** What it says of itself; undefined when it is deleted. */
  readonly state: TaskState | undefined;
}

const events: readonly Event[] = [
  { name: "an old task stops", of: (task) => !isWanted(task), state: TaskState.SHUTDOWN },
  { name: "a new task is ready", of: isNew, state: TaskState.READY },
  { name: "a new task runs, and another slot's turn has come", of: isNew, state: TaskState.RUNNING },
  { name: "a new task fails", of: isNew, state: TaskState.FAILED },
  { name: "an old task fails", of: isOld, state: TaskState.FAILED },
  { name: "an old task is deleted", of: isOld, state: undefined },
];

async function fill(): Promise<void> {
  await m.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 0; n < 100; n += 1) tx.put("node", aNode({ id: `node-${n}` }));
    putService(tx, aService({ id: "web", ...options }));
  });
  for (let from = 1; from <= slots; from += 1_000) {
    await m.writer.update((tx) => {
      for (let slot = from; slot < from + 1_000; slot += 1) {
        const nodeId = `node-${slot % 100}`;
        tx.put("task", aTask({ id: `t${slot}`, serviceId: "web", slot, nodeId, state: "RUNNING" }));
      }
    });
  }
}
