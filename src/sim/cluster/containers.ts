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

/** What a host had when its engine last said something. */
const seen = new WeakMap<SimHost, { readonly event: number; readonly containers: readonly SimContainer[] }>();

/** All containers of tasks, whatever their state, in the order of the hosts. Asked all the time, so what has not changed is kept. */
export function containersOf(hosts: readonly SimHost[]): readonly SimContainer[] {
  const all: SimContainer[] = [];
  for (const host of hosts) {
    const event = host.engine.nextEvent;
    let known = seen.get(host);
    if (known?.event !== event) {
      known = { event, containers: containersOn(host) };
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
