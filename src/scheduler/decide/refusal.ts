// Why one node refuses a task: the first filter it fails, and in words with figures what is there and what is asked.

import { type Node, NodeState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { amountOf, architectureOf, readerOf, satisfies } from "../../model/index.js";
import { type FilterName, filters, hasPlugin } from "./filters.js";
import type { Asked, Needs } from "./needs.js";
import type { NodeInfo } from "./node-info.js";

export interface Refusal {
  readonly filter: FilterName;
  /** A clause without a full stop: `node.labels.disk is "hdd", wanted "ssd"`. */
  readonly detail: string;
  /** The task that holds the host port, where that is the reason. */
  readonly holderId?: string;
}

/** The first filter the node fails for such a task; undefined: it may be placed there. */
export function refusalOf(asked: Asked, info: NodeInfo): Refusal | undefined {
  const failed = filters.find((filter) => filter.isActive(asked.needs) && !filter.passes(info, asked));
  return failed && { filter: failed.name, ...details[failed.name](info, asked) };
}

/** What every filter that has something to check says of the node, in their order. */
export interface Check {
  readonly filter: FilterName;
  /** Undefined: it passes. */
  readonly refusal: Refusal | undefined;
}

export function checksOf(asked: Asked, info: NodeInfo): readonly Check[] {
  return filters
    .filter((filter) => filter.isActive(asked.needs))
    .map((filter) => ({
      filter: filter.name,
      refusal: filter.passes(info, asked) ? undefined : { filter: filter.name, ...details[filter.name](info, asked) },
    }));
}

type Detail = Omit<Refusal, "filter">;

const details: Readonly<Record<FilterName, (info: NodeInfo, asked: Asked) => Detail>> = {
  ready: (info) => ({ detail: unready(info.node) }),
  resource: (info, { needs }) => ({ detail: shortages(info, needs).join(", ") }),
  plugin: (info, { needs }) => {
    const missing = needs.plugins.filter((plugin) => !hasPlugin(info.node, plugin));
    return { detail: missing.map(({ type, name }) => `it has no ${type.toLowerCase()} plugin "${name}"`).join(", ") };
  },
  constraint: (info, { needs }) => ({ detail: unmet(info.node, needs).join(", ") }),
  platform: (info, { needs }) => {
    const offered = info.node.description?.platform;
    const wanted = needs.platforms.map((each) => platformText(each.os, each.architecture));
    return { detail: `it runs ${platformText(offered?.os, offered?.architecture)}, the image ${wanted.join(" or ")}` };
  },
  "host port": heldPort,
  "max replicas": (info, { serviceId, needs }) => ({
    detail: `it has ${count(info.countOf(serviceId), "task")} of the service, at most ${needs.maxReplicas} may be on a node`,
  }),
};

function unready({ status, spec }: Node): string {
  const availability = spec?.availability ?? NodeAvailability.ACTIVE;
  if (status?.state !== NodeState.READY) return `it is ${nameOf(NodeState, status?.state ?? NodeState.UNKNOWN)}`;
  if (availability !== NodeAvailability.ACTIVE) return `its availability is ${nameOf(NodeAvailability, availability)}`;
  return status.message === "" ? "its daemon or its engine is away" : status.message;
}

function shortages(info: NodeInfo, needs: Needs): readonly string[] {
  const offered = info.node.description?.resources;
  const short: string[] = [];
  if (info.freeCpus < needs.cpus)
    short.push(`${cpus(needs.cpus)} CPUs needed, ${cpus(info.freeCpus)} free of ${cpus(offered?.nanoCpus ?? 0)}`);
  if (info.freeMemory < needs.memory)
    short.push(
      `${bytes(needs.memory)} of memory needed, ${bytes(info.freeMemory)} free of ${bytes(offered?.memoryBytes ?? 0)}`,
    );
  for (const kind of new Set(needs.generic.map((each) => each.kind))) {
    const [wanted, free] = [amountOf(needs.generic, kind), amountOf(info.freeGeneric, kind)];
    if (free < wanted)
      short.push(`${wanted} ${kind} needed, ${free} free of ${amountOf(offered?.generic ?? [], kind)}`);
  }
  return short;
}

function unmet(node: Node, { constraints }: Needs): readonly string[] {
  return constraints
    .filter((constraint) => !satisfies(node, constraint))
    .map(({ key, equal, value }) => {
      const actual = readerOf(key)?.(node);
      if (actual === undefined) return `there is no such thing as ${key}`;
      const is = actual === "" ? `${key} is not set` : `${key} is "${actual}"`;
      return equal ? `${is}, wanted "${value}"` : `${is}, wanted anything but "${value}"`;
    });
}

function heldPort(info: NodeInfo, { needs }: Asked): Detail {
  const port = needs.hostPorts.find((each) => info.hostPorts.has(each)) ?? "";
  const holder = [...info.occupants.values()].find((each) => each.needs.hostPorts.includes(port));
  const [protocol, number] = port.split("/");
  const name = `port ${number}/${["tcp", "udp", "sctp"][Number(protocol)] ?? protocol}`;
  if (holder === undefined) return { detail: `${name} is in use` };
  return { detail: `${name} is held by task ${holder.taskId}`, holderId: holder.taskId };
}

function platformText(os = "", architecture = ""): string {
  return `${os === "" ? "any" : os}/${architecture === "" ? "any" : architectureOf(architecture)}`;
}

function nameOf(names: Readonly<Record<string, number | string>>, value: number): string {
  return (Object.keys(names).find((name) => names[name] === value) ?? String(value)).toLowerCase();
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function cpus(nanoCpus: number): string {
  return String(Math.round(nanoCpus / 1e6) / 1e3);
}

function bytes(amount: number): string {
  for (const [unit, size] of sizes)
    if (Math.abs(amount) >= size) return `${Math.round((amount / size) * 100) / 100} ${unit}`;
  return `${amount} B`;
}

const sizes = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
] as const;
