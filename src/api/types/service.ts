// A service: its spec (complete on every update), its endpoint, how its last update goes.
import type { Driver, GenericResource, Labels, Meta, Nanoseconds, Platform } from "./common.js";
import type { ContainerSpec } from "./container.js";

export interface Service extends Meta {
  readonly ID: string;
  readonly Spec: ServiceSpec;
  readonly PreviousSpec?: ServiceSpec;
  readonly Endpoint: Endpoint;
  readonly UpdateStatus?: UpdateStatus;
  /** Only with `?status=true` in a list. */
  readonly ServiceStatus?: ServiceStatus;
  readonly JobStatus?: JobStatus;
}

export interface ServiceSpec {
  readonly Name?: string;
  readonly Labels?: Labels | null;
  readonly TaskTemplate: TaskSpec;
  readonly Mode: ServiceMode;
  readonly UpdateConfig?: UpdateConfig | null;
  readonly RollbackConfig?: UpdateConfig | null;
  /** Deprecated in favour of TaskTemplate.Networks, still accepted. */
  readonly Networks?: readonly NetworkAttachmentConfig[] | null;
  readonly EndpointSpec?: EndpointSpec | null;
}

/** Exactly one of the four; none means one replica. In answers the counts are never null. */
export interface ServiceMode {
  readonly Replicated?: { readonly Replicas?: number | null } | null;
  readonly Global?: Readonly<Record<string, never>> | null;
  readonly ReplicatedJob?: { readonly MaxConcurrent?: number | null; readonly TotalCompletions?: number | null } | null;
  readonly GlobalJob?: Readonly<Record<string, never>> | null;
}

/** What Docker calls TaskTemplate within a service and Spec within a task. */
export interface TaskSpec {
  readonly ContainerSpec?: ContainerSpec | null;
  readonly PluginSpec?: unknown;
  readonly NetworkAttachmentSpec?: { readonly ContainerID: string } | null;
  readonly Resources?: ResourceRequirements | null;
  readonly RestartPolicy?: RestartPolicy | null;
  readonly Placement?: Placement | null;
  readonly Networks?: readonly NetworkAttachmentConfig[] | null;
  readonly LogDriver?: Driver | null;
  readonly ForceUpdate?: number;
  readonly Runtime?: string;
}

export type TaskTemplate = TaskSpec;

export interface ResourceRequirements {
  readonly Limits?: ResourceLimits | null;
  readonly Reservations?: ResourceReservations | null;
  /** API 1.52. */
  readonly SwapBytes?: number;
  readonly MemorySwappiness?: number;
}

export interface ResourceLimits {
  readonly NanoCPUs?: number;
  readonly MemoryBytes?: number;
  readonly Pids?: number;
}

export interface ResourceReservations {
  readonly NanoCPUs?: number;
  readonly MemoryBytes?: number;
  readonly GenericResources?: readonly GenericResource[] | null;
}

export type RestartCondition = "none" | "on-failure" | "any";

export interface RestartPolicy {
  readonly Condition?: RestartCondition | "";
  readonly Delay?: Nanoseconds | null;
  readonly MaxAttempts?: number | null;
  readonly Window?: Nanoseconds | null;
}

export interface Placement {
  readonly Constraints?: readonly string[] | null;
  readonly Preferences?: readonly PlacementPreference[] | null;
  readonly MaxReplicas?: number;
  readonly Platforms?: readonly Platform[] | null;
}

export interface PlacementPreference {
  readonly Spread?: { readonly SpreadDescriptor: string } | null;
}

export interface NetworkAttachmentConfig {
  /** Name or id on input, the id in answers. */
  readonly Target?: string;
  readonly Aliases?: readonly string[] | null;
  readonly DriverOpts?: Labels | null;
}

export type FailureAction = "pause" | "continue" | "rollback";
export type UpdateOrder = "stop-first" | "start-first";

export interface UpdateConfig {
  /** 0 = all at once. */
  readonly Parallelism: number;
  readonly Delay?: Nanoseconds;
  readonly FailureAction?: FailureAction | "";
  readonly Monitor?: Nanoseconds;
  readonly MaxFailureRatio: number;
  readonly Order?: UpdateOrder | "";
}

export type UpdateState =
  | "updating"
  | "paused"
  | "completed"
  | "rollback_started"
  | "rollback_paused"
  | "rollback_completed";

export interface UpdateStatus {
  readonly State?: UpdateState;
  readonly StartedAt?: string;
  readonly CompletedAt?: string;
  readonly Message?: string;
  /** Ours: slots to change, changed, and failed in this update. */
  readonly Total?: number;
  readonly Done?: number;
  readonly Failed?: number;
}

export interface ServiceStatus {
  readonly RunningTasks: number;
  readonly DesiredTasks: number;
  readonly CompletedTasks: number;
}

export interface JobStatus {
  /** Empty while it is 0. */
  readonly JobIteration: { readonly Index?: number };
  readonly LastExecution?: string;
}

export type ResolutionMode = "vip" | "dnsrr";
export type PortProtocol = "tcp" | "udp" | "sctp";
export type PublishMode = "ingress" | "host";

export interface EndpointSpec {
  readonly Mode?: ResolutionMode | "";
  readonly Ports?: readonly PortConfig[] | null;
}

export interface PortConfig {
  readonly Name?: string;
  readonly Protocol?: PortProtocol | "";
  readonly TargetPort?: number;
  readonly PublishedPort?: number;
  readonly PublishMode?: PublishMode | "";
}

export interface Endpoint {
  readonly Spec: EndpointSpec;
  readonly Ports?: readonly PortConfig[];
  readonly VirtualIPs?: readonly EndpointVirtualIP[];
}

export interface EndpointVirtualIP {
  readonly NetworkID?: string;
  /** `10.0.0.6/24` */
  readonly Addr?: string;
}

export interface ServiceCreateResponse {
  readonly ID: string;
  readonly Warnings: readonly string[] | null;
}

export interface ServiceUpdateResponse {
  readonly Warnings: readonly string[] | null;
}

/** GET /skep/v1/services/{id}/history: ours alone. */
export interface ServiceHistory {
  readonly ServiceID: string;
  readonly ServiceName: string;
  /** Newest first. */
  readonly Revisions: readonly ServiceRevision[];
}

export interface ServiceRevision {
  readonly Number: number;
  readonly CreatedAt: string;
  readonly Image: string;
  /** What differs from the kept revision before it; absent for the oldest kept. */
  readonly Changes?: readonly string[];
  /** What the service asks for now; what `service rollback` goes back to. */
  readonly Current: boolean;
  readonly Previous: boolean;
  readonly Spec: ServiceSpec;
}
