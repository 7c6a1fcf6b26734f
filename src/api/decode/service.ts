// Docker's ServiceSpec → ours. Enum words and shapes are judged here, the rest by control.

import { SwarmError } from "../../base/index.js";
import {
  EndpointMode,
  type EndpointSpec,
  type PortConfig,
  PortProtocol,
  PublishMode,
  type ServiceSpec,
  type UpdateConfig,
  UpdateFailureAction,
  UpdateOrder,
} from "../../gen/skep/v1/specs.js";
import {
  endpointModeWords,
  failureActionWords,
  orderWords,
  protocolWords,
  publishModeWords,
  valueOf,
} from "./enums.js";
import { decodeNetworks } from "./networks.js";
import type { Reader } from "./reader.js";
import { decodeTask } from "./task.js";

export function decodeService(body: Reader): ServiceSpec {
  const task = decodeTask(body.object("TaskTemplate"));
  return {
    annotations: { name: body.text("Name"), labels: body.textMap("Labels") },
    // Networks beside the task are Docker's old place for them.
    task: { ...task, networks: task.networks.length > 0 ? task.networks : decodeNetworks(body) },
    mode: decodeMode(body.object("Mode")),
    update: decodeUpdate(body.object("UpdateConfig")),
    rollback: decodeUpdate(body.object("RollbackConfig")),
    endpoint: decodeEndpoint(body.object("EndpointSpec")),
  };
}

function decodeMode(mode: Reader | undefined): ServiceSpec["mode"] {
  const given = ["Replicated", "Global", "ReplicatedJob", "GlobalJob"].filter((name) => mode?.has(name));
  if (given.length > 1) throw new SwarmError("InvalidArgument", "must specify only one service mode");
  if (given[0] === "Global") return { $case: "global", value: {} };
  if (given[0] === "GlobalJob") return { $case: "globalJob", value: {} };
  if (given[0] === "ReplicatedJob") return decodeReplicatedJob(mode?.object("ReplicatedJob"));
  return { $case: "replicated", value: { replicas: mode?.object("Replicated")?.optionalCount("Replicas") ?? 1 } };
}

function decodeReplicatedJob(job: Reader | undefined): ServiceSpec["mode"] {
  const maxConcurrent = job?.optionalCount("MaxConcurrent") ?? 1;
  const totalCompletions = job?.optionalCount("TotalCompletions") ?? maxConcurrent;
  return { $case: "replicatedJob", value: { maxConcurrent, totalCompletions } };
}

function decodeUpdate(config: Reader | undefined): UpdateConfig | undefined {
  if (config === undefined) return undefined;
  const action = config.text("FailureAction");
  const order = config.text("Order");
  return {
    parallelism: config.count("Parallelism"),
    delay: config.duration("Delay"),
    failureAction:
      action === ""
        ? UpdateFailureAction.PAUSE
        : valueOf(failureActionWords, action, `unrecognized update failure action ${action}`),
    monitor: config.duration("Monitor"),
    maxFailureRatio: config.ratio("MaxFailureRatio"),
    order: order === "" ? UpdateOrder.STOP_FIRST : valueOf(orderWords, order, `unrecognized update order ${order}`),
  };
}

function decodeEndpoint(endpoint: Reader | undefined): EndpointSpec | undefined {
  if (endpoint === undefined) return undefined;
  const mode = endpoint.text("Mode");
  return {
    mode: mode === "" ? EndpointMode.VIP : valueOf(endpointModeWords, mode, `invalid resolution mode: "${mode}"`),
    ports: endpoint.objects("Ports").map(decodePort),
  };
}

/** Docker takes any word for TCP and ingress; a wrong one is an error here. Its case does not matter there either. */
function decodePort(port: Reader): PortConfig {
  const protocol = port.text("Protocol").toLowerCase();
  const mode = port.text("PublishMode").toLowerCase();
  return {
    name: port.text("Name"),
    protocol: protocol === "" ? PortProtocol.TCP : valueOf(protocolWords, protocol, `invalid protocol: "${protocol}"`),
    targetPort: port.smallCount("TargetPort"),
    publishedPort: port.smallCount("PublishedPort"),
    publishMode: mode === "" ? PublishMode.INGRESS : valueOf(publishModeWords, mode, `invalid publish mode: "${mode}"`),
  };
}
