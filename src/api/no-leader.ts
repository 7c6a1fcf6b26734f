// What a person reads when nobody leads: Docker's sentence, then who answers, who does not, and what to do. Pure.

import { noLeaderMessage } from "../manager/control/index.js";
import type { KnownManager, Quorum } from "./modules.js";

/** Managers named one by one; Docker advises against more than seven. */
const namedMax = 7;

export function noLeaderText(quorum: Quorum | undefined, nodeId: string): string {
  if (quorum === undefined || quorum.managers.length === 0) return noLeaderMessage;
  const { managers } = quorum;
  const own = managers.find((manager) => manager.nodeId === nodeId);
  const unreachable = managers.filter((manager) => !manager.reachable);
  const count = countText(managers);
  if (unreachable.length === 0) return `${noLeaderMessage}\n${count}: an election should end in a moment.`;
  const lost = `unreachable: ${unreachable.slice(0, namedMax).map(unreachableText).join(", ")}${more(unreachable.length)}`;
  return `${noLeaderMessage}\n${count}; ${lost}.\n${adviceText(managers.length, unreachable.length, own)}`;
}

/** `1 of 3 answers (h1)`, `2 of 5 answer (h1, h2)`. */
function countText(managers: readonly KnownManager[]): string {
  const answering = managers.filter((manager) => manager.reachable);
  const names = answering.slice(0, namedMax).map(nameOf).join(", ");
  const verb = answering.length === 1 ? "answers" : "answer";
  return `${answering.length} of ${managers.length} ${verb}${names === "" ? "" : ` (${names}${more(answering.length)})`}`;
}

function more(count: number): string {
  return count > namedMax ? ` and ${count - namedMax} more` : "";
}

function unreachableText(manager: KnownManager): string {
  const { addr, unreachableSince } = manager;
  const since = unreachableSince === undefined ? "" : ` since ${timeOfDay(unreachableSince)}`;
  return `${nameOf(manager)}${nameOf(manager) === addr ? "" : ` (${addr})`}${since}`;
}

function nameOf({ hostname, addr, nodeId }: KnownManager): string {
  return hostname || addr || nodeId;
}

/** UTC, because a daemon knows no better. */
function timeOfDay(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(11, 19)} UTC`;
}

function adviceText(managers: number, unreachable: number, own: KnownManager | undefined): string {
  const needed = Math.floor(managers / 2) + 1 - (managers - unreachable);
  if (needed <= 0) return "Running containers go on. Enough managers answer: an election should end in a moment.";
  const here = own === undefined ? "here" : `on ${nameOf(own)}`;
  const back = needed === 1 ? "one of them" : `${needed} of them`;
  const lost = unreachable === 1 ? "it is" : unreachable === 2 ? "both are" : "they are";
  return `Running containers go on. Bring ${unreachable === 1 ? "it" : back} back; if ${lost} lost for good, run ${here}: skep swarm init --force-new-cluster`;
}

/** For `/info`: what is shown comes from this manager alone. */
export function staleWarning({ managers, noLeaderForMs }: Quorum): string {
  return `WARNING: the swarm has had no leader for ${Math.floor(noLeaderForMs / 1000)} s (${countText(managers)}): what is shown is as old, changes are refused, running containers go on`;
}
