// What a client asks before it does anything: /version and /info, and the registry's word on an image.
import type { ClusterInfo } from "./swarm.js";

/** GET /version */
export interface VersionResponse {
  readonly Platform?: { readonly Name: string };
  /** One is called "Engine" at Docker; Skep adds one called "Skep". */
  readonly Components?: readonly VersionComponent[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly GitCommit?: string;
  readonly GoVersion?: string;
  readonly Os?: string;
  readonly Arch?: string;
  readonly KernelVersion?: string;
  readonly Experimental?: boolean;
  readonly BuildTime?: string;
}

export interface VersionComponent {
  readonly Name: string;
  readonly Version: string;
  readonly Details?: Readonly<Record<string, string>>;
}

export type LocalNodeState = "inactive" | "pending" | "active" | "error" | "locked";

/** GET /info: the engine's answer with the swarm's part put in. Clients tolerate any subset. */
export interface Info {
  readonly ID?: string;
  readonly Name?: string;
  readonly ServerVersion?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  readonly OperatingSystem?: string;
  readonly KernelVersion?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Containers?: number;
  readonly ContainersRunning?: number;
  readonly ContainersPaused?: number;
  readonly ContainersStopped?: number;
  readonly Images?: number;
  readonly Driver?: string;
  readonly DockerRootDir?: string;
  readonly Labels?: readonly string[] | null;
  readonly Warnings?: readonly string[] | null;
  readonly Swarm: SwarmInfo;
  readonly [field: string]: unknown;
}

export interface SwarmInfo {
  readonly NodeID: string;
  readonly NodeAddr: string;
  readonly LocalNodeState: LocalNodeState;
  readonly ControlAvailable: boolean;
  readonly Error: string;
  readonly RemoteManagers: readonly Peer[] | null;
  readonly Nodes?: number;
  readonly Managers?: number;
  readonly Cluster?: ClusterInfo;
  readonly Warnings?: readonly string[];
}

export interface Peer {
  readonly NodeID: string;
  readonly Addr: string;
}

/** GET /distribution/{name}/json; the keys are lower case there. */
export interface DistributionInspect {
  readonly Descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly Platforms?: readonly {
    readonly architecture: string;
    readonly os: string;
    readonly "os.version"?: string;
    readonly "os.features"?: readonly string[];
    readonly variant?: string;
  }[];
}
