// The leader's loops between a service and its placed tasks, together on a store in memory.

import { Scope, silentLog } from "../../src/base/index.js";
import type { Task } from "../../src/gen/skep/v1/objects.js";
import { Allocator } from "../../src/manager/allocator/index.js";
import { Enforcer, Orchestrator, Reaper } from "../../src/manager/orchestrator/index.js";
import { isWanted, stateOf } from "../../src/model/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { FakeAgents } from "./agents.js";
import { type MemoryStore, memoryStore, stateName } from "./memory.js";

export interface Orchestration extends MemoryStore {
  readonly agents: FakeAgents;
  /** Errors of loops that ended by themselves. */
  readonly failures: readonly Error[];
  /** All loops stop, another leader takes over and starts them anew. */
  failOver(): Promise<void>;
  /** Stops the loops, for a test that looks at what they left. */
  stopLoops(): Promise<void>;
  end(): Promise<void>;
}

export function orchestration(memory = memoryStore()): Orchestration {
  const failures: Error[] = [];
  const agents = new FakeAgents(memory);
  const agentsScope = new Scope(silentLog, (_, error) => failures.push(error));
  agentsScope.start("agents", (signal) => agents.run(signal));
  const lead = (): Scope => {
    const scope = new Scope(silentLog, (_, error) => failures.push(error));
    const modules = { ...memory, writer: memory.writer };
    scope.start("orchestrator", (signal) => new Orchestrator({ keptMin: 0 }, modules).run(signal));
    scope.start("allocator", (signal) => new Allocator({}, modules).run(signal));
    scope.start("scheduler", (signal) => new Scheduler({}, modules).run(signal));
    scope.start("reaper", (signal) => new Reaper({}, modules).run(signal));
    scope.start("enforcer", (signal) => new Enforcer({}, modules).run(signal));
    return scope;
  };
  let loops = lead();
  return {
    ...memory,
    get writer() {
      return memory.writer;
    },
    agents,
    failures,
    failOver: async () => {
      await loops.stop("leadership lost");
      memory.changeLeader();
      loops = lead();
    },
    stopLoops: () => loops.stop("stopped by the test"),
    end: async () => {
      await loops.stop("the test is over");
      await agentsScope.stop("the test is over");
    },
  };
}

/** The wanted tasks of a service as "slot node state", by slot. */
export function replicas(o: MemoryStore, serviceId: string): readonly string[] {
  return tasksOf(o, serviceId)
    .filter(isWanted)
    .sort((a, b) => a.slot - b.slot || (a.nodeId < b.nodeId ? -1 : 1))
    .map((task) => `${task.slot} ${task.nodeId || "-"} ${stateName(stateOf(task))}`);
}

export function tasksOf(o: MemoryStore, serviceId: string): readonly Task[] {
  return [...o.store.table("task").by("service", serviceId)];
}

/** How many wanted tasks each node holds, by node id. */
export function spread(o: MemoryStore, serviceId: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const task of tasksOf(o, serviceId).filter(isWanted)) counts[task.nodeId] = (counts[task.nodeId] ?? 0) + 1;
  return counts;
}
