// A node: what the operator asked of it (Spec), what it said of itself (Description), how it is (Status).
import type { GenericResource, Labels, Meta, Nanoseconds, Platform, TLSInfo } from "./common.js";

export type NodeRole = "worker" | "manager";
export type NodeAvailability = "active" | "pause" | "drain";
export type NodeState = "unknown" | "down" | "ready" | "disconnected";
export type Reachability = "unknown" | "unreachable" | "reachable";

export interface Node extends Meta {
  readonly ID: string;
  readonly Spec: NodeSpec;
  readonly Description: NodeDescription;
  readonly Status: NodeStatus;
  /** Only on managers. */
  readonly ManagerStatus?: ManagerStatus;
}

/** POST /nodes/{id}/update takes the whole of it, nothing is merged. */
export interface NodeSpec {
  readonly Name?: string;
  readonly Labels: Labels;
  readonly Role: NodeRole;
  readonly Availability: NodeAvailability;
  /** Ours: how long a drain waits for replacements of start-first tasks to run. Absent in an update: as it was. */
  readonly DrainTimeout?: Nanoseconds;
}

export interface NodeDescription {
  readonly Hostname?: string;
  readonly Platform: Platform;
  readonly Resources: NodeResources;
  readonly Engine: EngineDescription;
  readonly TLSInfo: TLSInfo;
  readonly CSIInfo?: readonly unknown[];
}

export interface NodeResources {
  readonly NanoCPUs?: number;
  readonly MemoryBytes?: number;
  readonly GenericResources?: readonly GenericResource[];
}

export interface EngineDescription {
  readonly EngineVersion?: string;
  readonly Labels?: Labels;
  readonly Plugins?: readonly PluginDescription[];
}

export interface PluginDescription {
  readonly Type?: string;
  readonly Name?: string;
}

export interface NodeStatus {
  readonly State: NodeState;
  readonly Message?: string;
  readonly Addr?: string;
}

export interface ManagerStatus {
  /** True or absent. */
  readonly Leader?: boolean;
  readonly Reachability: Reachability;
  /** `ip:2377` */
  readonly Addr: string;
}
