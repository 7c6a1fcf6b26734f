// `skep node promote` and `skep node demote`
import type { NodeRole } from "../../../api/types.js";
import { someArguments, type Verb, verb } from "../../command.js";
import { changeNode } from "./change.js";

export const promote = roleVerb(
  "promote",
  "manager",
  "Promote one or more nodes to manager in the swarm",
  "promoted to a manager in the swarm.",
);
export const demote = roleVerb(
  "demote",
  "worker",
  "Demote one or more nodes from manager in the swarm",
  "demoted in the swarm.",
);

function roleVerb(name: string, role: NodeRole, about: string, done: string): Verb {
  return verb({
    name,
    use: "NODE [NODE...]",
    about,
    args: someArguments,
    flags: {},
    async run({ args, client, world }) {
      for (const node of args) {
        const changed = await changeNode(client, node, (spec) =>
          spec.Role === role ? undefined : { ...spec, Role: role },
        );
        world.stdout.write(
          changed
            ? `${role === "manager" ? "Node" : "Manager"} ${node} ${done}\n`
            : `Node ${node} is already a ${role}.\n`,
        );
      }
      return undefined;
    },
  });
}
