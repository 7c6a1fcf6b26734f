// Docker's TaskSpec → ours: everything of a task but its container.

import { SwarmError } from "../../base/index.js";
import {
  type GenericResource,
  type LogDriver,
  type Placement,
  type ResourceRequirements,
  RestartCondition,
  type RestartPolicy,
  type TaskSpec,
} from "../../gen/skep/v1/specs.js";
import { decodeContainer } from "./container.js";
import { conditionWords, valueOf } from "./enums.js";
import { decodeNetworks } from "./networks.js";
import type { Reader } from "./reader.js";

export function decodeTask(task: Reader | undefined): TaskSpec {
  const container = containerOf(task);
  return {
    container: decodeContainer(container),
    resources: decodeResources(task?.object("Resources")),
    restart: decodeRestart(task?.object("RestartPolicy")),
    placement: decodePlacement(task?.object("Placement")),
    logDriver: decodeLogDriver(task?.object("LogDriver")),
    networks: task === undefined ? [] : decodeNetworks(task),
    forceUpdate: task?.count("ForceUpdate") ?? 0,
  };
}

export function decodeLogDriver(driver: Reader | undefined): LogDriver | undefined {
  return driver && { name: driver.text("Name"), options: driver.textMap("Options") };
}

/** The one kind of task there is. Docker has three runtimes more, each with its own refusal. */
function containerOf(task: Reader | undefined): Reader {
  const runtime = task?.text("Runtime") ?? "";
  if (runtime === "plugin") {
    throw new SwarmError("Unimplemented", "services of plugins are not built yet: install the plugin on each node");
  }
  if (runtime !== "" && runtime !== "container") throw new SwarmError("InvalidArgument", "unsupported runtime");
  const container = task?.object("ContainerSpec");
  if (container === undefined) throw new SwarmError("InvalidArgument", "mismatched Runtime and *Spec fields");
  return container;
}

function decodeResources(resources: Reader | undefined): ResourceRequirements | undefined {
  if (resources === undefined) return undefined;
  const limits = resources.object("Limits");
  const reservations = resources.object("Reservations");
  const swapBytes = resources.optionalInt("SwapBytes");
  const memorySwappiness = resources.optionalInt("MemorySwappiness");
  return {
    limits: limits && {
      nanoCpus: limits.int("NanoCPUs"),
      memoryBytes: limits.int("MemoryBytes"),
      pids: limits.int("Pids"),
    },
    reservations: reservations && {
      nanoCpus: reservations.int("NanoCPUs"),
      memoryBytes: reservations.int("MemoryBytes"),
      generic: reservations.objects("GenericResources").map(decodeGeneric),
    },
    ...(swapBytes === undefined ? {} : { swapBytes }),
    ...(memorySwappiness === undefined ? {} : { memorySwappiness }),
  };
}

function decodeGeneric(generic: Reader): GenericResource {
  const named = generic.object("NamedResourceSpec");
  const discrete = generic.object("DiscreteResourceSpec");
  if (named) return { kind: named.text("Kind"), amount: { $case: "named", value: named.text("Value") } };
  return {
    kind: discrete?.text("Kind") ?? "",
    amount: discrete && { $case: "discrete", value: discrete.int("Value") },
  };
}

function decodeRestart(policy: Reader | undefined): RestartPolicy | undefined {
  if (policy === undefined) return undefined;
  const condition = policy.text("Condition");
  return {
    condition:
      condition === ""
        ? RestartCondition.ANY
        : valueOf(conditionWords, condition, `invalid RestartCondition: "${condition}"`),
    delay: policy.optionalDuration("Delay"),
    maxAttempts: policy.count("MaxAttempts"),
    window: policy.optionalDuration("Window"),
  };
}

function decodePlacement(placement: Reader | undefined): Placement | undefined {
  return (
    placement && {
      constraints: placement.texts("Constraints"),
      preferences: placement.objects("Preferences").flatMap((preference) => {
        const spread = preference.object("Spread")?.text("SpreadDescriptor");
        return spread === undefined ? [] : [{ spread }];
      }),
      maxReplicas: placement.count("MaxReplicas"),
      platforms: placement
        .objects("Platforms")
        .map((platform) => ({ architecture: platform.text("Architecture"), os: platform.text("OS") })),
    }
  );
}
