// What would help a task that no node takes: for the nodes that refuse it for one reason alone, the command that removes it.

import { NodeState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { nodeName, satisfiesAll } from "../../model/index.js";
import type { Asked, Check, FilterName } from "../../scheduler/index.js";
import type { View } from "../../store/index.js";
import { serviceOfTask } from "./names.js";
import type { Examined } from "./nodes.js";

/** Hints for one cause; the first are the best. */
export const hintsMax = 5;

/** Who asks: what commands name. */
export interface Asker {
  readonly serviceName: string;
  /** As the user wrote them. */
  readonly constraints: readonly string[];
}

interface Hint {
  /** Smaller is less of an intrusion. */
  readonly rank: number;
  readonly text: string;
}

/** Quoted commands and short instructions, the least intrusive first. */
export function wouldHelp(view: View, asked: Asked, asker: Asker, nodes: readonly Examined[]): readonly string[] {
  const least = Math.min(...nodes.map(({ refused }) => refused));
  const hints = nodes
    .filter(({ refused }) => refused > 0 && refused === least)
    .flatMap((node) => hintsFor({ view, asked, asker, node }));
  const texts = hints.sort((a, b) => a.rank - b.rank).map(({ text }) => text);
  return [...new Set(nodes.length === 0 ? [noNodes] : texts)].slice(0, hintsMax);
}

const noNodes = "'skep swarm join-token worker' shows how a node joins";

interface Case {
  readonly view: View;
  readonly asked: Asked;
  readonly asker: Asker;
  readonly node: Examined;
}

/** All that refuses on this node must go, so several hints are one. */
function hintsFor(each: Case): readonly Hint[] {
  const parts = each.node.checks.flatMap((check) => (check.refusal ? [remedies[check.filter](each, check)] : []));
  if (parts.length === 0) return [];
  const rank = parts.reduce((sum, part) => sum + part.rank, 0);
  return [{ rank, text: parts.map(({ text }) => text).join(" and ") }];
}

const remedies: Readonly<Record<FilterName, (each: Case, check: Check) => Hint>> = {
  ready: ({ node }) => ready(node),
  constraint: constraint,
  "host port": hostPort,
  resource: resource,
  "max replicas": ({ asked, asker }) => ({
    rank: 5,
    text: `'skep service update --replicas-max-per-node ${asked.needs.maxReplicas + 1} ${asker.serviceName}'`,
  }),
  plugin: ({ node }, { refusal }) => ({
    rank: 6,
    text: `install on ${nodeName(node.info.node)} what is missing (${refusal?.detail ?? ""})`,
  }),
  platform: ({ node }) => {
    const { os = "", architecture = "" } = node.info.node.description?.platform ?? {};
    return { rank: 7, text: `an image for ${os}/${architecture}, or a node of the image's platform` };
  },
};

function ready({ info: { node } }: Examined): Hint {
  const name = nodeName(node);
  if (node.status?.state !== NodeState.READY)
    return { rank: 3, text: `bring ${name} back${because(node.status?.message)}` };
  const availability = node.spec?.availability ?? NodeAvailability.ACTIVE;
  if (availability !== NodeAvailability.ACTIVE)
    return { rank: 1, text: `'skep node update --availability active ${name}'` };
  return { rank: 2, text: `wait for ${name}${because(node.status.message)}` };
}

function because(message: string | undefined): string {
  return message ? ` (${message})` : "";
}

/** A label can be given and a role changed; what a node is by nature cannot. */
function constraint({ asked, asker, node }: Case): Hint {
  const { node: row } = node.info;
  const labels: string[] = [];
  const others: string[] = [];
  for (const [at, each] of asked.needs.constraints.entries()) {
    if (satisfiesAll(row, [each])) continue;
    const label = /^node\.labels\.(.+)$/i.exec(each.key)?.[1];
    const written = asker.constraints[at] ?? `${each.key}${each.equal ? "==" : "!="}${each.value}`;
    if (label !== undefined)
      labels.push(each.equal ? `--label-add ${word(`${label}=${each.value}`)}` : `--label-rm ${word(label)}`);
    else if (/^node\.role$/i.test(each.key))
      others.push(`'skep node ${wantsManager(each) ? "promote" : "demote"} ${nodeName(row)}'`);
    else others.push(`'skep service update --constraint-rm ${word(written)} ${asker.serviceName}'`);
  }
  const update = labels.length === 0 ? [] : [`'skep node update ${labels.join(" ")} ${nodeName(row)}'`];
  return { rank: others.length === 0 ? 1 : 4, text: [...update, ...others].join(" and ") };
}

function wantsManager({ equal, value }: { readonly equal: boolean; readonly value: string }): boolean {
  return (value.toLowerCase() === "manager") === equal;
}

function hostPort({ view, asker }: Case, { refusal }: Check): Hint {
  const holder = serviceOfTask(view, refusal?.holderId ?? "");
  if (holder !== undefined && holder.name !== asker.serviceName)
    return { rank: 2, text: `'skep service rm ${holder.name}'` };
  return { rank: 6, text: "another node: each takes one task with this port" };
}

/** To what the node has free: the reservation that is too large, or another node. */
function resource({ asked, asker, node }: Case): Hint {
  const { needs } = asked;
  const { freeCpus, freeMemory } = node.info;
  const flags = [
    ...(freeCpus < needs.cpus && freeCpus > 0 ? [`--reserve-cpu ${Math.floor(freeCpus / 1e6) / 1e3}`] : []),
    ...(freeMemory < needs.memory && freeMemory >= mib ? [`--reserve-memory ${Math.floor(freeMemory / mib)}m`] : []),
  ];
  if (flags.length > 0) return { rank: 4, text: `'skep service update ${flags.join(" ")} ${asker.serviceName}'` };
  return { rank: 6, text: "a node with more to give" };
}

const mib = 2 ** 20;

/** As a shell takes it. */
function word(text: string): string {
  return /^[\w@%+=:,./!-]+$/.test(text) ? text : `"${text}"`;
}
