// What the worker's tests are built from.

import { type DeepPartial, TaskAssignment } from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import type { ContainerSpec } from "../../src/gen/skep/v1/specs.js";
import type { NodeFacts } from "../../src/worker/container/facts.js";

export const theNode: NodeFacts = {
  nodeId: "node1",
  clusterId: "cluster1",
  hostname: "worker-1",
  architecture: "x86_64",
  os: "linux",
};

/** An assignment of task `t1` of service `web`, slot 1, desired RUNNING, image busybox. */
export function anAssignment(fields: DeepPartial<TaskAssignment> = {}): TaskAssignment {
  const desiredState = fields.desiredState ?? TaskState.RUNNING;
  const whole: DeepPartial<TaskAssignment> = {
    id: "t1",
    version: desiredState,
    serviceId: "s1",
    serviceName: "web",
    slot: 1,
    status: { state: TaskState.ASSIGNED, message: "scheduler assigned task to node" },
    ...fields,
    desiredState,
    spec: { ...fields.spec, container: { image: "busybox", ...fields.spec?.container } },
  };
  return TaskAssignment.fromPartial(whole as Parameters<typeof TaskAssignment.fromPartial>[0]);
}

/** The same with only the container's spec said. */
export function withContainer(container: DeepPartial<ContainerSpec>): TaskAssignment {
  return anAssignment({ spec: { container } });
}
