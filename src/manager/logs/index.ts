/**
 * The log broker: who asks for the logs of a service or a task gets the lines of every node that has some, in the order of
 * time as far as that can be had, and is told what is missing.
 *
 * What must stay true:
 * L1  a node gives lines of its own tasks only, by its certificate; anything else of it is refused.
 * L2  a request that does not follow ends: a node that is down, does not answer or falls silent is given up, and named.
 * L3  what is held here is bounded per subscription; who reads slowly slows the nodes down, and nobody else.
 * L4  nothing of a subscription outlives who asked, nor this manager's leadership: its last word says which.
 * L5  the order of time is the nodes' clocks'; a line is held for it for a short time only, a late one goes out late.
 *
 * Start at broker.ts; subscription.ts is one request, targets.ts says which nodes it asks (pure), and the order is made by
 * base/time-merge.ts (pure).
 */
export { LogBroker, type LogBrokerModules } from "./broker.js";
export type { SwarmLine } from "./lines.js";
export type { LogPart } from "./subscription.js";
export type { LogSelector } from "./targets.js";
