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

/** What a host had after so many changes. */
const seen = new WeakMap<SimHost, { readonly changes: number; readonly containers: readonly SimContainer[] }>();

/** All containers of tasks, whatever their state, in the order of the hosts. Asked all the time, so what has not changed is kept. */
export function containersOf(hosts: readonly SimHost[]): readonly SimContainer[] {
  const all: SimContainer[] = [];
  for (const host of hosts) {
    const { changes } = host.engine;
    let known = seen.get(host);
    if (known?.changes !== changes) {
      known = { changes, containers: containersOn(host) };
      seen.set(host, known);
    }
    for (const container of known.containers) all.push(container);
  }
  return all;
}

function containersOn(host: SimHost): readonly SimContainer[] {
  return host.engine.machines.flatMap((machine) => {
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
  });
}
