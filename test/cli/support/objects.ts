// Small builders of Docker's JSON.
import type { Node, Service, Task, TaskState } from "../../../src/api/types.js";

const meta = { Version: { Index: 11 }, CreatedAt: "2026-11-20T12:00:00Z", UpdatedAt: "2026-11-20T12:00:00Z" };

export function aService(fields: Partial<Service> = {}): Service {
  return {
    ID: "service1",
    ...meta,
    Spec: {
      Name: "web",
      Labels: {},
      TaskTemplate: { ContainerSpec: { Image: "nginx:latest" } },
      Mode: { Replicated: { Replicas: 3 } },
      UpdateConfig: { Parallelism: 1, Monitor: 1e9, MaxFailureRatio: 0 },
    },
    Endpoint: { Spec: {} },
    ...fields,
  };
}

export function aTask(slot: number, state: TaskState, fields: Partial<Task> = {}): Task {
  return {
    ID: `task${slot}`,
    ...meta,
    Labels: {},
    Spec: { ContainerSpec: { Image: "nginx:latest" } },
    ServiceID: "service1",
    Slot: slot,
    NodeID: `node${slot}`,
    Status: { Timestamp: "2026-11-20T12:00:00Z", State: state, PortStatus: {} },
    DesiredState: "running",
    Volumes: null,
    ...fields,
  };
}

export function aNode(number: number, state: Node["Status"]["State"] = "ready"): Node {
  return {
    ID: `node${number}`,
    ...meta,
    Spec: { Labels: {}, Role: "worker", Availability: "active" },
    Description: { Hostname: `h${number}`, Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} },
    Status: { State: state },
  };
}
