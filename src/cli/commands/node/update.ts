// `skep node update`: role, availability, how long a drain waits, labels.
import type { NodeAvailability, NodeRole, NodeSpec } from "../../../api/types.js";
import { oneArgument, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { list, text } from "../../flags/basic.js";
import { keyValues } from "../../flags/pairs.js";
import { positiveDuration } from "../../flags/quantities.js";
import { changeNode } from "./change.js";

const flags = {
  availability: text('Availability of the node ("active", "pause", "drain")'),
  "drain-timeout": positiveDuration(
    "Time a drain waits for replacements of start-first tasks to run (ns|us|ms|s|m|h) (default 10m)",
  ),
  "label-add": list('Add or update a node label ("key=value")'),
  "label-rm": list("Remove a node label if exists"),
  role: text('Role of the node ("worker", "manager")'),
};

export const update = verb({
  name: "update",
  use: "[OPTIONS] NODE",
  about: "Update a node",
  args: oneArgument,
  flags,
  async run({ flags: given, args: [name = ""], client, world }) {
    await changeNode(client, name, (spec) => ({
      ...spec,
      Labels: changedLabels(spec, given["label-add"] ?? [], given["label-rm"] ?? []),
      ...(given["drain-timeout"] === undefined ? {} : { DrainTimeout: given["drain-timeout"] }),
      ...(given.role === undefined ? {} : { Role: given.role as NodeRole }),
      ...(given.availability === undefined ? {} : { Availability: given.availability as NodeAvailability }),
    }));
    world.stdout.write(`${name}\n`);
    return undefined;
  },
});

function changedLabels(spec: NodeSpec, added: readonly string[], removed: readonly string[]): Record<string, string> {
  const labels = { ...spec.Labels, ...keyValues(added) };
  for (const key of removed) {
    if (!Object.hasOwn(labels, key)) throw new CliError(`key ${key} doesn't exist in node's labels`);
    delete labels[key];
  }
  return labels;
}
