// A task: one container's worth of a service, its node and how far it is.
import type { GenericResource, Labels, Meta, Version } from "./common.js";
import type { PortConfig, TaskSpec } from "./service.js";

export type TaskState =
  | "new"
  | "allocated"
  | "pending"
  | "assigned"
  | "accepted"
  | "preparing"
  | "ready"
  | "starting"
  | "running"
  | "complete"
  | "shutdown"
  | "failed"
  | "rejected"
  | "remove"
  | "orphaned";

export interface Task extends Meta {
  readonly ID: string;
  readonly Name?: string;
  readonly Labels: Labels;
  readonly Spec: TaskSpec;
  readonly ServiceID?: string;
  /** Absent for global tasks and for slot 0 of jobs. */
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly Status: TaskStatus;
  readonly DesiredState: TaskState;
  readonly NetworksAttachments?: readonly NetworkAttachment[];
  readonly GenericResources?: readonly GenericResource[];
  readonly JobIteration?: Version | { readonly Index?: number };
  /** Always there, null if none. */
  readonly Volumes: readonly unknown[] | null;
  /** Skep's own: what holds the task back, left out once nothing does. Docker's clients ignore it. */
  readonly Wait?: TaskWait;
}

export interface TaskStatus {
  readonly Timestamp: string;
  readonly State: TaskState;
  readonly Message?: string;
  readonly Err?: string;
  readonly ContainerStatus?: ContainerStatus;
  readonly PortStatus: { readonly Ports?: readonly PortConfig[] };
}

export interface ContainerStatus {
  readonly ContainerID: string;
  readonly PID: number;
  readonly ExitCode: number;
}

/** The stage that waits, why, and since when. */
export interface TaskWait {
  /** `allocator`, `scheduler`, `node`, `restart` (its delay), `predecessor` (who it replaces still stops). */
  readonly Stage: string;
  readonly Reason: string;
  readonly Since: string;
  /** When it ends by itself, where that is known. */
  readonly Until?: string;
}

export interface NetworkAttachment {
  readonly Network: {
    readonly ID: string;
    readonly Version?: Version;
    readonly CreatedAt?: string;
    readonly UpdatedAt?: string;
    readonly Spec: { readonly Name?: string; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
  /** `10.0.0.7/24` */
  readonly Addresses?: readonly string[];
}
