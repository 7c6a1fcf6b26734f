// A service row and its revisions → Docker's Service.

import {
  type Endpoint,
  type JobStatus,
  type Service,
  UpdateState,
  type UpdateStatus,
} from "../../gen/skep/v1/objects.js";
import type { EndpointSpec, PortConfig, ServiceSpec, UpdateConfig } from "../../gen/skep/v1/specs.js";
import type { ServiceCounts } from "../../manager/control/index.js";
import {
  endpointModeWords,
  failureActionWords,
  orderWords,
  protocolWords,
  publishModeWords,
  updateStateWords,
  wordOf,
} from "../decode/enums.js";
import type {
  Endpoint as EndpointJson,
  EndpointSpec as EndpointSpecJson,
  JobStatus as JobStatusJson,
  PortConfig as PortJson,
  ServiceMode,
  ServiceSpec as ServiceSpecJson,
  ServiceStatus,
  UpdateConfig as UpdateJson,
  UpdateStatus as UpdateStatusJson,
} from "../types.js";
import { allOfMap, compact, optionalNanoseconds, timeText, toJson } from "./json.js";
import { encodeMeta } from "./meta.js";
import { encodeTaskSpec } from "./task-spec.js";

/**
 * The JSON of a service without its closing brace, so that its counts can follow. Both specs come as JSON, because they are
 * encoded once per revision.
 */
export function serviceText(service: Service, specText: string, previousText: string | undefined): string {
  const head = toJson({ ID: service.id, ...encodeMeta(service.meta) });
  const tail = toJson({
    Endpoint: encodeEndpoint(service.endpoint),
    ...(service.updateStatus && { UpdateStatus: encodeUpdateStatus(service.updateStatus) }),
    ...(service.jobStatus && { JobStatus: encodeJobStatus(service.jobStatus) }),
  });
  const previous = previousText === undefined ? "" : `,"PreviousSpec":${previousText}`;
  return `${head.slice(0, -1)},"Spec":${specText}${previous},${tail.slice(1, -1)}`;
}

/** A struct never disappears, its zero index does (docker-api.md trap 8). */
function encodeJobStatus({ iteration, lastExecution }: JobStatus): JobStatusJson {
  return { JobIteration: iteration === 0 ? {} : { Index: iteration }, LastExecution: timeText(lastExecution) };
}

export function encodeCounts({ running, desired, completed }: ServiceCounts): ServiceStatus {
  return { RunningTasks: running, DesiredTasks: desired, CompletedTasks: completed };
}

export function encodeServiceSpec(spec: ServiceSpec): ServiceSpecJson {
  return {
    Name: spec.annotations?.name ?? "",
    Labels: allOfMap(spec.annotations?.labels),
    TaskTemplate: encodeTaskSpec(spec.task, "service"),
    Mode: encodeMode(spec.mode),
    ...(spec.update && { UpdateConfig: encodeUpdate(spec.update) }),
    ...(spec.rollback && { RollbackConfig: encodeUpdate(spec.rollback) }),
    ...(spec.endpoint && { EndpointSpec: encodeEndpointSpec(spec.endpoint) }),
  };
}

/** Counts are never null: the CLI follows the pointers (docker-api.md trap 15). */
function encodeMode(mode: ServiceSpec["mode"]): ServiceMode {
  switch (mode?.$case) {
    case "global":
      return { Global: {} };
    case "globalJob":
      return { GlobalJob: {} };
    case "replicatedJob":
      return {
        ReplicatedJob: { MaxConcurrent: mode.value.maxConcurrent, TotalCompletions: mode.value.totalCompletions },
      };
    case "replicated":
      return { Replicated: { Replicas: mode.value.replicas } };
    case undefined:
      return {};
    default:
      return mode satisfies never;
  }
}

function encodeUpdate(config: UpdateConfig): UpdateJson {
  return {
    Parallelism: config.parallelism,
    ...compact({ Delay: optionalNanoseconds(config.delay) }),
    FailureAction: wordOf(failureActionWords, config.failureAction),
    ...compact({ Monitor: optionalNanoseconds(config.monitor) }),
    MaxFailureRatio: shortest(config.maxFailureRatio),
    Order: wordOf(orderWords, config.order),
  };
}

/** A 32-bit float's shortest decimal: 0.1, not 0.10000000149011612. */
function shortest(ratio: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(ratio.toPrecision(digits));
    if (Math.fround(short) === Math.fround(ratio)) return short;
  }
  return ratio;
}

function encodeEndpointSpec({ mode, ports }: EndpointSpec): EndpointSpecJson {
  return { Mode: wordOf(endpointModeWords, mode), ...(ports.length > 0 && { Ports: ports.map(encodePort) }) };
}

function encodeEndpoint(endpoint: Endpoint | undefined): EndpointJson {
  return {
    Spec: endpoint?.spec ? encodeEndpointSpec(endpoint.spec) : {},
    ...(endpoint && endpoint.ports.length > 0 && { Ports: endpoint.ports.map(encodePort) }),
    ...(endpoint &&
      endpoint.virtualIps.length > 0 && {
        VirtualIPs: endpoint.virtualIps.map(({ networkId, addr }) => compact({ NetworkID: networkId, Addr: addr })),
      }),
  };
}

export function encodePort(port: PortConfig): PortJson {
  return compact<PortJson>({
    Name: port.name,
    Protocol: wordOf(protocolWords, port.protocol),
    TargetPort: port.targetPort,
    PublishedPort: port.publishedPort,
    PublishMode: wordOf(publishModeWords, port.publishMode),
  });
}

function encodeUpdateStatus(status: UpdateStatus): UpdateStatusJson {
  return compact<UpdateStatusJson>({
    State: status.state === UpdateState.UNKNOWN ? undefined : wordOf(updateStateWords, status.state),
    StartedAt: status.startedAt && timeText(status.startedAt),
    CompletedAt: status.completedAt && timeText(status.completedAt),
    Message: status.message,
    Total: status.total,
    Done: status.done,
    Failed: status.failed,
  });
}
