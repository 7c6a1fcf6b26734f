// The containers of a cluster's tasks, as its engines hold them: the truth that everything else is held against.

import type { SimHost } from "./host.js";

const taskLabel = "com.docker.swarm.task.id";

export interface SimContainer {
  /** Name of the host. */
  readonly host: string;
  readonly nodeId: string;
  readonly containerId: string;
  readonly name: string;
  readonly image: string;
  readonly taskId: string;
  readonly serviceName: string;
  readonly isRunning: boolean;
}

/** All containers of tasks, whatever their state, in the order of the hosts. */
export function containersOf(hosts: readonly SimHost[]): readonly SimContainer[] {
  return hosts.flatMap((host) =>
    host.engine.machines.flatMap((machine) => {
      const labels = machine.config.Labels;
      const taskId = labels[taskLabel];
      if (taskId === undefined) return [];
      return [
        {
          ...{ host: host.name, nodeId: host.nodeId, containerId: machine.id, name: machine.name, taskId },
          image: machine.config.Image,
          serviceName: labels["com.docker.swarm.service.name"] ?? "",
          isRunning: machine.phase.kind === "running",
        },
      ];
    }),
  );
}
