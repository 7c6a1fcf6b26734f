// What a task's container is made of: ContainerSpec and the parts it is built from. Every field is omitted when zero.
import type { Labels, Nanoseconds } from "./common.js";

export interface ContainerSpec {
  readonly Image?: string;
  readonly Labels?: Labels | null;
  readonly Command?: readonly string[] | null;
  readonly Args?: readonly string[] | null;
  readonly Hostname?: string;
  readonly Env?: readonly string[] | null;
  readonly Dir?: string;
  readonly User?: string;
  readonly Groups?: readonly string[] | null;
  readonly Privileges?: Privileges | null;
  readonly Init?: boolean | null;
  readonly StopSignal?: string;
  readonly TTY?: boolean;
  readonly OpenStdin?: boolean;
  readonly ReadOnly?: boolean;
  readonly Mounts?: readonly Mount[] | null;
  readonly StopGracePeriod?: Nanoseconds | null;
  readonly Healthcheck?: HealthConfig | null;
  /** `IP name alias…` */
  readonly Hosts?: readonly string[] | null;
  readonly DNSConfig?: DNSConfig | null;
  readonly Secrets?: readonly SecretReference[] | null;
  readonly Configs?: readonly ConfigReference[] | null;
  readonly Isolation?: Isolation;
  readonly Sysctls?: Labels | null;
  readonly CapabilityAdd?: readonly string[] | null;
  readonly CapabilityDrop?: readonly string[] | null;
  readonly Ulimits?: readonly Ulimit[] | null;
  readonly OomScoreAdj?: number;
}

export type Isolation = "" | "default" | "process" | "hyperv";

export interface Privileges {
  readonly CredentialSpec: CredentialSpec | null;
  readonly SELinuxContext: SELinuxContext | null;
  readonly Seccomp?: SeccompOpts | null;
  readonly AppArmor?: AppArmorOpts | null;
  readonly NoNewPrivileges?: boolean;
}

export interface CredentialSpec {
  readonly Config?: string;
  readonly File?: string;
  readonly Registry?: string;
}

export interface SELinuxContext {
  readonly Disable?: boolean;
  readonly User?: string;
  readonly Role?: string;
  readonly Type?: string;
  readonly Level?: string;
}

export interface SeccompOpts {
  readonly Mode?: "default" | "unconfined" | "custom";
  /** Padded base64. */
  readonly Profile?: string;
}

export interface AppArmorOpts {
  readonly Mode?: "default" | "disabled";
}

export interface DNSConfig {
  readonly Nameservers?: readonly string[] | null;
  readonly Search?: readonly string[] | null;
  readonly Options?: readonly string[] | null;
}

export interface HealthConfig {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`. */
  readonly Test?: readonly string[] | null;
  readonly Interval?: Nanoseconds;
  readonly Timeout?: Nanoseconds;
  readonly StartPeriod?: Nanoseconds;
  readonly StartInterval?: Nanoseconds;
  readonly Retries?: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

export type MountType = "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";

export interface Mount {
  readonly Type?: MountType;
  readonly Source?: string;
  readonly Target?: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: BindOptions | null;
  readonly VolumeOptions?: VolumeOptions | null;
  readonly ImageOptions?: ImageOptions | null;
  readonly TmpfsOptions?: TmpfsOptions | null;
  readonly ClusterOptions?: Readonly<Record<string, never>> | null;
}

export interface BindOptions {
  readonly Propagation?: string;
  readonly NonRecursive?: boolean;
  readonly CreateMountpoint?: boolean;
  readonly ReadOnlyNonRecursive?: boolean;
  readonly ReadOnlyForceRecursive?: boolean;
}

export interface VolumeOptions {
  readonly NoCopy?: boolean;
  readonly Labels?: Labels | null;
  readonly Subpath?: string;
  readonly DriverConfig?: { readonly Name?: string; readonly Options?: Labels | null } | null;
}

export interface ImageOptions {
  readonly Subpath?: string;
}

export interface TmpfsOptions {
  readonly SizeBytes?: number;
  /** Permission bits as a plain integer. */
  readonly Mode?: number;
  readonly Options?: readonly (readonly string[])[] | null;
}

/** Where a secret or config shows up in the container. `Mode` is a plain integer of permission bits (0444 = 292). */
export interface FileTarget {
  readonly Name: string;
  readonly UID: string;
  readonly GID: string;
  readonly Mode: number;
}

export interface SecretReference {
  readonly File: FileTarget | null;
  readonly SecretID: string;
  readonly SecretName: string;
}

export interface ConfigReference {
  readonly File?: FileTarget | null;
  readonly Runtime?: Readonly<Record<string, never>> | null;
  readonly ConfigID: string;
  readonly ConfigName: string;
}
