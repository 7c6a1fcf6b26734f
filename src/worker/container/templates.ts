// Templates in a task's spec (swarm-semantics §10.2): Go templates over the service, the node and the task; a key that
// is not there is an error.

import { fn, parseTemplate, SwarmError } from "../../base/index.js";
import type { TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import type { NodeFacts } from "./facts.js";
import { slotName, taskName } from "./names.js";

/** Expands the templates in one value of a spec; its error rejects the task. */
export type Expand = (text: string) => string;

export function templatesOf(task: TaskAssignment, node: NodeFacts): Expand {
  const context = contextOf(task, node);
  return (text) => (text.includes("{{") ? expand(text, context) : text);
}

function expand(text: string, context: Readonly<Record<string, unknown>>): string {
  try {
    return parseTemplate(text, { name: "expansion", functions: { join }, missingKey: "error" }).execute(context);
  } catch (cause) {
    throw new SwarmError("InvalidArgument", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The separator first, then what is joined. */
const join = fn(["string"], (separator: string, ...parts: readonly string[]) => parts.join(separator), "string");

function contextOf(task: TaskAssignment, node: NodeFacts): Readonly<Record<string, unknown>> {
  return {
    Service: { ID: task.serviceId, Name: task.serviceName, Labels: task.serviceLabels },
    Node: {
      ID: node.nodeId,
      Hostname: node.hostname,
      Platform: { Architecture: node.architecture, OS: node.os },
    },
    Task: { ID: task.id, Name: taskName(task, node.nodeId), Slot: slotName(task, node.nodeId) },
  };
}
