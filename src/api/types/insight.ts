// Why a service is not what was asked for, and what a change of it would do. Ours alone: Docker has neither.
import type { TaskState } from "./task.js";

export type ServiceModeWord = "replicated" | "global" | "replicated-job" | "global-job";

/** GET /skep/v1/services/{id}/explain */
export interface Explanation {
  /** By the clock of who answers: ages count back from here. */
  readonly At: string;
  readonly ID: string;
  readonly Name: string;
  readonly Mode: ServiceModeWord;
  readonly Running: number;
  /** Tasks asked for; of a job, completions. */
  readonly Desired: number;
  readonly Job?: JobExplanation;
  readonly Update?: UpdateExplanation;
  /** What holds tasks back, a cause each, those that concern most tasks first. */
  readonly Waits: readonly ExplainedWait[];
  /** Slots whose tasks end and are started again, or were given up. */
  readonly Failures: readonly ExplainedFailure[];
  /** Of a global service: nodes that have no task of it and are to have none, with why. */
  readonly Lacking: readonly LackingNodes[];
  /** What the bounds left out of the lists above. */
  readonly LeftOut: { readonly Waits: number; readonly Failures: number };
  /** Commands and steps, the most promising first. */
  readonly WouldHelp: readonly string[];
}

/** `restart`: its delay has not passed. `predecessor`: who it replaces has not stopped. */
export type WaitStage = "allocator" | "scheduler" | "node" | "restart" | "predecessor";

export interface ExplainedWait {
  readonly Stage: WaitStage;
  readonly State: TaskState;
  readonly Reason: string;
  /** Of the task that waits longest. */
  readonly Since: string;
  /** When this wait ends by itself. */
  readonly Until?: string;
  /** `web.3`; the first of them. */
  readonly Tasks: readonly string[];
  readonly TaskCount: number;
  /** The node it waits at, by hostname. */
  readonly Node?: string;
  /** In the scheduler: each node with what every filter says of it, those that refuse least first. */
  readonly Nodes?: readonly ExplainedNode[];
  readonly NodesLeftOut?: number;
  /** In the scheduler: how many nodes each filter refuses; one node may be refused by several. */
  readonly Refused?: readonly { readonly Filter: string; readonly Nodes: number }[];
}

export interface ExplainedNode {
  readonly ID: string;
  readonly Hostname: string;
  readonly Checks: readonly NodeCheck[];
}

export interface NodeCheck {
  /** `constraint`, `resources`, `max-replicas-per-node`, `port` … */
  readonly Filter: string;
  readonly Passes: boolean;
  /** `node.labels.disk is "hdd", wanted "ssd"`; "ok" where it passes. */
  readonly Says: string;
}

export interface ExplainedFailure {
  /** `web.2` */
  readonly Task: string;
  readonly Node: string;
  readonly State: TaskState;
  readonly Error: string;
  readonly ExitCode?: number;
  readonly At: string;
  /** Ended tasks of this slot that are still known. */
  readonly Ended: number;
  /** When it is started again; absent: it runs or is being started, or it never is. */
  readonly NextAt?: string;
  /** Restarts that `--restart-max-attempts` still allows. */
  readonly AttemptsLeft?: number;
  /** Its restart policy asks for no other task. */
  readonly GivenUp: boolean;
}

export interface UpdateExplanation {
  readonly State: string;
  readonly Message: string;
  readonly StartedAt?: string;
  readonly Total: number;
  readonly Done: number;
  readonly Failed: number;
  /** What goes on by itself, or what somebody has to do. */
  readonly Next: string;
}

export interface JobExplanation {
  readonly Iteration: number;
  readonly Completed: number;
  /** Of a replicated job; a global one is done once on every node. */
  readonly Total?: number;
  readonly LastStarted?: string;
}

export interface LackingNodes {
  readonly Reason: string;
  /** Hostnames, the first of them. */
  readonly Nodes: readonly string[];
  readonly NodeCount: number;
}

/** The body of POST /skep/v1/services/plan. */
export interface PlanRequest {
  /** Id or name of the service to change; absent: one is to be created. */
  readonly Service?: string;
  readonly Version?: number;
  /** Back to the previous spec; `Spec` does not count then. */
  readonly Rollback?: boolean;
  /** As for /services/create and /services/{id}/update. */
  readonly Spec: unknown;
}

/** Its answer: what would happen, with nothing done. */
export interface Plan {
  readonly Action: "create" | "update" | "rollback";
  readonly Name: string;
  readonly Mode: ServiceModeWord;
  /** Of an update: fields by their path in Docker's spec. */
  readonly Changes: readonly PlannedChange[];
  readonly Tasks: PlannedTasks;
  /** How tasks that must be replaced are; absent when there are none. */
  readonly Rollout?: PlannedRollout;
  /** Where the new tasks would go if nothing else changed meanwhile, most first. */
  readonly Placed: readonly PlacedTasks[];
  readonly PlacedLeftOut: number;
  /** New tasks that no node would take. */
  readonly Unplaced: number;
  readonly UnplacedWhy?: ExplainedWait;
  /** Whole sentences. */
  readonly Warnings: readonly string[];
  readonly WouldHelp: readonly string[];
}

export interface PlannedChange {
  /** `TaskTemplate.ContainerSpec.Image` */
  readonly Field: string;
  /** JSON of any kind; absent: it was not there. */
  readonly Old?: unknown;
  readonly New?: unknown;
}

export interface PlannedTasks {
  readonly Running: number;
  readonly Before: number;
  readonly After: number;
  readonly Added: number;
  readonly Removed: number;
  readonly Replaced: number;
  /** Go on as they are. */
  readonly Kept: number;
}

export interface PlannedRollout {
  /** To be replaced, each by one. */
  readonly Slots: number;
  readonly Order: "stop-first" | "start-first";
  /** At a time; all of them at once where the spec says 0. */
  readonly Parallelism: number;
  /** Nanoseconds, as all durations. */
  readonly Delay: number;
  readonly Monitor: number;
  /** Of the tasks that run now, how many run at every moment if each new one starts. */
  readonly KeepsRunning: number;
  readonly FailureAction: "pause" | "continue" | "rollback";
  readonly MaxFailureRatio: number;
  /** Start-first: nodes that have room for the tasks to come before the old ones go. */
  readonly Room?: readonly NodeRoom[];
}

export interface NodeRoom {
  readonly Hostname: string;
  /** `memory 1.1 of 2.0 GiB free` */
  readonly Says: string;
  readonly Fits: boolean;
}

export interface PlacedTasks {
  readonly NodeID: string;
  readonly Hostname: string;
  readonly Tasks: number;
}
