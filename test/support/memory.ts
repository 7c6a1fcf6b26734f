// A store in memory on virtual time, and builders of the rows tests need: valid by default, any field can be given.

import { silentLog, silentMetrics, wallTime } from "../../src/base/index.js";
import { Cluster, Node, NodeState, Revision, Service, Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import {
  type DeepPartial,
  type NodeAvailability,
  PublishMode,
  RestartCondition,
  ServiceSpec,
} from "../../src/gen/skep/v1/specs.js";
import { isJob } from "../../src/model/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { type Log, revisionId, Store, type Transaction, type Writer } from "../../src/store/index.js";

/** What a loop on the leader is built from, around one store in memory. */
export interface MemoryStore {
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly log: typeof silentLog;
  readonly metrics: typeof silentMetrics;
  /** The handle of the current term. */
  readonly writer: Writer;
  /** Another member takes over: queued writes reject, a handle of the next term comes back. */
  changeLeader(): Writer;
}

export interface MemoryOptions {
  readonly freeze?: boolean;
  /** Steps of one turn of what is long. */
  readonly turnSteps?: number;
  /** Runs `fn` in the next turn; absent: at once. */
  readonly nextTurn?: (fn: () => void) => void;
}

/** A store whose log is this process: an entry is committed as soon as it is proposed. Rows are frozen. */
export function memoryStore(clock = new VirtualClock(), seed = 1, options: MemoryOptions = {}): MemoryStore {
  const log: Log = {
    propose: async (data, term) => {
      store.apply({ term, data });
    },
  };
  const { freeze = true, turnSteps, nextTurn } = options;
  const store: Store = new Store(
    { freeze, ...(turnSteps !== undefined && { turnSteps }) },
    { clock, log, metrics: silentMetrics, ...(nextTurn && { nextTurn }) },
  );
  let writer = store.lead(1);
  return {
    store,
    clock,
    random: new SeededRandom(seed),
    log: silentLog,
    metrics: silentMetrics,
    get writer() {
      return writer;
    },
    changeLeader: () => {
      store.unlead();
      writer = store.lead(writer.term + 1);
      return writer;
    },
  };
}

/** Ids a person can read in a failed test, counted through the whole file: service-1, node-2 …; or what a builder is told. */
let ids = 0;
function nextId(kind: string): string {
  ids += 1;
  return `${kind}-${ids}`;
}

/** A replicated service with the one revision it points to. */
export interface BuiltService {
  readonly service: Service;
  readonly revision: Revision;
  readonly spec: ServiceSpec;
}

export interface ServiceOptions {
  readonly id?: string;
  readonly name?: string;
  readonly replicas?: number;
  readonly image?: string;
  readonly constraints?: readonly string[];
  readonly maxReplicas?: number;
  /** Published in host mode, TCP. */
  readonly hostPorts?: readonly number[];
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  readonly restart?: keyof typeof RestartCondition;
  readonly restartDelayMs?: number;
  readonly maxAttempts?: number;
  /** Laid over everything else: what is given here replaces that part of the spec. */
  readonly spec?: DeepPartial<ServiceSpec>;
  /** Number of the revision; 1 when absent. */
  readonly number?: number;
}

export function aService(options: ServiceOptions = {}): BuiltService {
  const id = options.id ?? nextId("service");
  const name = options.name ?? id;
  const number = options.number ?? 1;
  const spec = aServiceSpec({ ...options, name });
  return {
    spec,
    revision: Revision.fromPartial({ id: revisionId(id, number), serviceId: id, number, spec }),
    service: Service.fromPartial({
      id,
      name,
      revision: number,
      lastRevision: number,
      endpoint: { spec: spec.endpoint },
      ...(isJob(spec) && { jobStatus: { iteration: 0 } }),
    }),
  };
}

export function aServiceSpec(options: ServiceOptions = {}): ServiceSpec {
  return ServiceSpec.fromPartial({
    annotations: { name: options.name ?? "web", labels: {} },
    task: {
      container: { image: options.image ?? "nginx:latest" },
      resources: {
        reservations: { nanoCpus: options.nanoCpus ?? 0, memoryBytes: options.memoryBytes ?? 0, generic: [] },
      },
      restart: {
        condition: RestartCondition[options.restart ?? "ANY"],
        delay: wallTime(options.restartDelayMs ?? 5_000),
        ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
      },
      placement: { constraints: [...(options.constraints ?? [])], maxReplicas: options.maxReplicas ?? 0 },
    },
    mode: { $case: "replicated", value: { replicas: options.replicas ?? 1 } },
    endpoint: {
      ports: (options.hostPorts ?? []).map((port) => ({
        targetPort: port,
        publishedPort: port,
        publishMode: PublishMode.HOST,
      })),
    },
    ...options.spec,
  });
}

/** Writes a built service and its revision. */
export function putService(tx: Transaction, built: BuiltService): void {
  tx.put("revision", built.revision);
  tx.put("service", built.service);
}

/** Gives a service a new current revision, as `service update` does. */
export function putRevision(tx: Transaction, serviceId: string, spec: ServiceSpec): number {
  const service = tx.table("service").get(serviceId);
  if (service === undefined) throw new Error(`no service ${serviceId}`);
  const number = service.lastRevision + 1;
  tx.put("revision", Revision.fromPartial({ id: revisionId(serviceId, number), serviceId, number, spec }));
  tx.put("service", {
    ...service,
    revision: number,
    previousRevision: service.revision,
    lastRevision: number,
    specVersion: tx.revision + 1,
    updateStatus: undefined,
    jobStatus: service.jobStatus && { ...service.jobStatus, iteration: service.jobStatus.iteration + 1 },
  });
  return number;
}

export interface NodeOptions {
  readonly id?: string;
  readonly hostname?: string;
  readonly state?: keyof typeof NodeState;
  readonly availability?: NodeAvailability;
  readonly suspended?: boolean;
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly engineLabels?: Readonly<Record<string, string>>;
  /** Laid over everything else. */
  readonly node?: DeepPartial<Node>;
}

/** A worker: READY, ACTIVE, 4 CPUs, 8 GiB. */
export function aNode(options: NodeOptions = {}): Node {
  const id = options.id ?? nextId("node");
  return Node.fromPartial({
    id,
    spec: { annotations: { labels: { ...options.labels } }, availability: options.availability ?? 0 },
    description: {
      hostname: options.hostname ?? id,
      platform: { architecture: "x86_64", os: "linux" },
      resources: { nanoCpus: options.nanoCpus ?? 4e9, memoryBytes: options.memoryBytes ?? 8 * 2 ** 30 },
      engine: { version: "20.10.24", labels: { ...options.engineLabels }, plugins: [] },
    },
    status: { state: NodeState[options.state ?? "READY"], addr: "10.0.0.1", suspended: options.suspended ?? false },
    ...options.node,
  });
}

export interface TaskOptions {
  readonly id?: string;
  readonly serviceId?: string;
  readonly revision?: number;
  readonly slot?: number;
  readonly nodeId?: string;
  readonly state?: keyof typeof TaskState;
  readonly desired?: keyof typeof TaskState;
  /** Wall time of the status in milliseconds. */
  readonly atMs?: number;
  /** Laid over everything else. */
  readonly task?: DeepPartial<Task>;
}

/** A task of slot 1, NEW and wanted RUNNING. */
export function aTask(options: TaskOptions = {}): Task {
  const at = options.atMs === undefined ? undefined : wallTime(options.atMs);
  return Task.fromPartial({
    id: options.id ?? nextId("task"),
    serviceId: options.serviceId ?? "service",
    revision: options.revision ?? 1,
    slot: options.slot ?? 1,
    nodeId: options.nodeId ?? "",
    status: { state: TaskState[options.state ?? "NEW"], ...(at ? { timestamp: at, appliedAt: at } : {}) },
    desiredState: TaskState[options.desired ?? "RUNNING"],
    ...options.task,
  });
}

/** The cluster row with Docker's defaults. */
export function aCluster(options: { id?: string; historyLimit?: number } = {}): Cluster {
  return Cluster.fromPartial({
    id: options.id ?? "cluster-1",
    spec: {
      annotations: { name: "default" },
      orchestration: options.historyLimit === undefined ? {} : { taskHistoryRetentionLimit: options.historyLimit },
    },
  });
}

/** Rows by state name, for expectations a person reads. */
export function stateName(state: TaskState | undefined): string {
  return Object.entries(TaskState).find(([, value]) => value === state)?.[0] ?? "NONE";
}
