// What a worker asks of a container engine, in the terms of Docker's create-container call (Engine API 1.41).
// Errors are SwarmErrors: NotFound (no such container or image), AlreadyExists (name taken), InvalidArgument (the engine
// refused the request), Unavailable (the engine does not answer); the message is the engine's, or the registry's, own.

/** Body of `POST /containers/create`: Docker's own field names, so that the real client sends it as it is. */
export interface CreateContainer {
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Hostname?: string;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StopSignal?: string;
  /** Seconds. */
  readonly StopTimeout?: number;
  readonly Healthcheck?: {
    readonly Test?: readonly string[];
    /** Nanoseconds, all four; 0 or absent = the image's, else the engine's default. */
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly StartPeriod?: number;
    readonly StartInterval?: number;
    readonly Retries?: number;
  };
  /** `80/tcp` → {}. */
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly HostConfig: HostConfig;
  readonly NetworkingConfig?: { readonly EndpointsConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

export interface HostConfig {
  readonly NetworkMode?: string;
  /** `80/tcp` → where it is published; an empty HostPort asks for any free port. */
  readonly PortBindings?: Readonly<Record<string, readonly { readonly HostIp?: string; readonly HostPort: string }[]>>;
  readonly Mounts?: readonly EngineMount[];
  readonly Binds?: readonly string[];
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly Init?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly GroupAdd?: readonly string[];
  /** `host:ip`. */
  readonly ExtraHosts?: readonly string[];
  readonly Dns?: readonly string[];
  readonly DnsSearch?: readonly string[];
  readonly DnsOptions?: readonly string[];
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly SecurityOpt?: readonly string[];
  readonly PidsLimit?: number;
  readonly OomScoreAdj?: number;
  /** Bytes. */
  readonly Memory?: number;
  /** Bytes, memory included; -1 = unlimited. */
  readonly MemorySwap?: number;
  readonly MemorySwappiness?: number;
  readonly NanoCpus?: number;
  readonly Isolation?: string;
  readonly LogConfig?: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
}

export interface EngineMount {
  readonly Type: "bind" | "volume" | "tmpfs" | "npipe" | "image";
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: Readonly<Record<string, unknown>>;
  readonly VolumeOptions?: Readonly<Record<string, unknown>>;
  readonly TmpfsOptions?: Readonly<Record<string, unknown>>;
  readonly ImageOptions?: Readonly<Record<string, unknown>>;
}

/** What an inspection shows of one container. */
export interface Container {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** Published ports as they really are, ephemeral ones filled in. */
  readonly ports: readonly PublishedPort[];
}

export type ContainerState =
  | { readonly kind: "created" }
  | { readonly kind: "running"; readonly pid: number; readonly startedAt: string; readonly health: Health }
  | { readonly kind: "paused"; readonly pid: number; readonly startedAt: string; readonly health: Health }
  | { readonly kind: "restarting" }
  | { readonly kind: "removing" }
  | {
      readonly kind: "exited" | "dead";
      readonly exitCode: number;
      readonly oomKilled: boolean;
      /** The engine's own words; empty when it has none. */
      readonly error: string;
      readonly finishedAt: string;
    };

/** `none`: the container has no healthcheck. */
export type Health = "none" | "starting" | "healthy" | "unhealthy";

export interface PublishedPort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly targetPort: number;
  readonly publishedPort: number;
}

/** A container of a list: enough to adopt it, no inspection each. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Docker's State column: created, running, paused, restarting, removing, exited, dead. */
  readonly state: string;
}

/** Something happened to a container: look at it again. A hint, never the truth. */
export interface ContainerEvent {
  readonly containerId: string;
  readonly action: "create" | "start" | "die" | "destroy" | "oom" | "health" | "other";
  readonly labels: Readonly<Record<string, string>>;
}

export interface EngineInfo {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  readonly apiVersion: string;
  /** As the engine prints them: `x86_64`, `linux`. */
  readonly architecture: string;
  readonly os: string;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly plugins: readonly { readonly type: string; readonly name: string }[];
  /** `GenericResources` of the engine's configuration. */
  readonly genericResources: readonly (
    | { readonly kind: string; readonly named: string }
    | { readonly kind: string; readonly discrete: number }
  )[];
  /** The engine is itself a member of a Docker swarm: Skep refuses to work with it. */
  readonly inSwarm: boolean;
}

export interface PullProgress {
  /** The registry's status line, e.g. "Downloading". */
  readonly status: string;
  readonly currentBytes: number;
  readonly totalBytes: number;
}

export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds. */
  readonly timestamp: string;
  /** Without the line break. */
  readonly line: Uint8Array;
  /** What the log driver adds, `key=value,…` escaped as in a query; only when asked for. */
  readonly details?: string;
}

export interface LogOptions {
  readonly follow: boolean;
  /** Lines from the end; undefined = all. */
  readonly tail?: number;
  /** Seconds since 1970, with fraction. */
  readonly since?: string;
  readonly details?: boolean;
}

export interface Engine {
  /** Asks the engine who it is; fails with Unavailable within a bound when it is silent. */
  info(signal: AbortSignal): Promise<EngineInfo>;
  /** True when the image is there; no network. */
  hasImage(image: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Pulls an image. `registryAuth` is the base64url JSON of X-Registry-Auth ("" = none). Fails with the registry's
   * words; progress is reported so that a pull that moves is never taken for one that hangs.
   */
  pull(
    image: string,
    registryAuth: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Creates a container and returns its id. AlreadyExists when the name is taken. */
  create(name: string, config: CreateContainer, signal: AbortSignal): Promise<string>;
  /** Starting a running container is no error. */
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Stop signal, then SIGKILL after `graceSeconds` (undefined = the container's own, else 10). A stopped one is no error. */
  stop(id: string, graceSeconds: number | undefined, signal: AbortSignal): Promise<void>;
  kill(id: string, signalName: string, signal: AbortSignal): Promise<void>;
  /** Removes it with its anonymous volumes, by force. Absence is no error. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** By id or exact name; undefined when there is none. */
  inspect(idOrName: string, signal: AbortSignal): Promise<Container | undefined>;
  /** Containers in any state that carry all these labels ("" = any value). */
  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly ContainerSummary[]>;
  /** Events from now on, filtered by labels; ends with an error when the engine goes away. */
  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<ContainerEvent>;
  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
}
