// What differs between two specs of a service, in the words of the flags that set it.

import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { deepEqual, replicasOf } from "../../model/index.js";

type Part = readonly [name: string, of: (spec: ServiceSpec) => unknown];

const parts: readonly Part[] = [
  ["image", ({ task }) => task?.container?.image],
  ["command", ({ task }) => [task?.container?.command, task?.container?.args]],
  ["env", ({ task }) => task?.container?.env],
  ["mounts", ({ task }) => task?.container?.mounts],
  ["healthcheck", ({ task }) => task?.container?.healthcheck],
  ["container labels", ({ task }) => task?.container?.labels],
  ["registry credentials", ({ task }) => task?.container?.registryAuth],
  ["container settings", otherContainerFields],
  ["resources", ({ task }) => task?.resources],
  ["restart policy", ({ task }) => task?.restart],
  ["placement", ({ task }) => task?.placement],
  ["log driver", ({ task }) => task?.logDriver],
  ["networks", ({ task }) => task?.networks],
  ["forced", ({ task }) => task?.forceUpdate],
  ["mode", (spec) => (replicasOf(spec) === undefined ? spec.mode : spec.mode?.$case)],
  ["ports", ({ endpoint }) => endpoint],
  ["labels", ({ annotations }) => annotations?.labels],
  ["update settings", ({ update }) => update],
  ["rollback settings", ({ rollback }) => rollback],
];

/** The parts of a spec that differ, most telling first: `image`, `replicas 3 → 5`. */
export function specChanges(before: ServiceSpec, after: ServiceSpec): readonly string[] {
  const changed = parts.filter(([, of]) => !deepEqual(of(before), of(after))).map(([name]) => name);
  const replicas = [replicasOf(before), replicasOf(after)];
  return replicas[0] === replicas[1] ? changed : [...changed, `replicas ${replicas.join(" → ")}`];
}

/** Fields that have a part of their own. */
const namedFields: ReadonlySet<string> = new Set([
  ...["image", "command", "args", "env", "mounts", "healthcheck", "labels", "registryAuth"],
]);

function otherContainerFields({ task }: ServiceSpec): unknown {
  return Object.fromEntries(Object.entries(task?.container ?? {}).filter(([name]) => !namedFields.has(name)));
}
