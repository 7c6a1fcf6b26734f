// The engine's JSON of containers and events → our unions.

import type { Container, ContainerEvent, ContainerState, ContainerSummary, Health, PublishedPort } from "../engine.js";
import { count, items, object, text, textMap } from "./json.js";

/** Body of `GET /containers/{id}/json`. */
export function containerOf(value: unknown): Container {
  const json = object(value);
  const config = object(json["Config"]);
  return {
    id: text(json["Id"]),
    name: withoutSlash(text(json["Name"])),
    image: text(config["Image"]),
    labels: textMap(config["Labels"]),
    state: stateOf(json["State"]),
    ports: portsOf(object(json["NetworkSettings"])["Ports"]),
  };
}

/** An element of `GET /containers/json`. */
export function summaryOf(value: unknown): ContainerSummary {
  const json = object(value);
  return {
    id: text(json["Id"]),
    name: withoutSlash(text(items(json["Names"])[0])),
    labels: textMap(json["Labels"]),
    state: text(json["State"]),
  };
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, "");
}

function stateOf(value: unknown): ContainerState {
  const json = object(value);
  const kind = text(json["Status"]);
  switch (kind) {
    case "running":
    case "paused":
      return { kind, pid: count(json["Pid"]), startedAt: text(json["StartedAt"]), health: healthOf(json["Health"]) };
    case "exited":
    case "dead":
      return {
        kind,
        exitCode: count(json["ExitCode"]),
        oomKilled: json["OOMKilled"] === true,
        error: text(json["Error"]),
        finishedAt: text(json["FinishedAt"]),
      };
    case "restarting":
    case "removing":
      return { kind };
    default:
      return { kind: "created" };
  }
}

const healths: readonly string[] = ["starting", "healthy", "unhealthy"] satisfies Health[];

function healthOf(value: unknown): Health {
  const status = text(object(value)["Status"]);
  return healths.includes(status) ? (status as Health) : "none";
}

/**
 * `{"80/tcp": [{HostIp, HostPort}] | null}`. An engine binds 0.0.0.0 and [::] each; one that could not use the same free
 * port for both (20.10 on some kernels) shows two: the IPv4 one is the published one then.
 */
function portsOf(value: unknown): PublishedPort[] {
  return Object.entries(object(value)).flatMap(([target, bindings]) => {
    const match = /^(\d+)\/(tcp|udp|sctp)$/.exec(target);
    if (!match) return [];
    const all = items(bindings).map(object);
    const overIpv4 = all.filter((binding) => !text(binding["HostIp"]).includes(":"));
    const published = (overIpv4.length > 0 ? overIpv4 : all).map((binding) => Number(text(binding["HostPort"])));
    return [...new Set(published)]
      .filter((port) => port > 0)
      .map((publishedPort) => ({
        protocol: match[2] as PublishedPort["protocol"],
        targetPort: Number(match[1]),
        publishedPort,
      }));
  });
}

/** What we ask the engine to tell; probes of healthchecks (`exec_*`) are left out at the source. */
export const eventNames = ["create", "start", "die", "destroy", "oom", "health_status", "pause", "unpause", "rename"];

const plainActions: readonly string[] = ["create", "start", "die", "destroy", "oom"];

/** A value of `GET /events`; undefined when it is not about a container. */
export function eventOf(value: unknown): ContainerEvent | undefined {
  const json = object(value);
  const actor = object(json["Actor"]);
  const containerId = text(actor["ID"]);
  if (json["Type"] !== "container" || containerId === "") return undefined;
  return { containerId, action: actionOf(text(json["Action"])), labels: textMap(actor["Attributes"]) };
}

function actionOf(action: string): ContainerEvent["action"] {
  if (action.startsWith("health_status")) return "health";
  return plainActions.includes(action) ? (action as ContainerEvent["action"]) : "other";
}
