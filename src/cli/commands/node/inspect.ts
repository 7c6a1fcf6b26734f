// `skep node inspect`
import type { Node } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { inspectFormat, pretty } from "../../flags/shared.js";
import { inspectEach } from "../inspect.js";
import { GoStruct } from "../typed.js";
import { prettyNode } from "./pretty.js";
import { resolveNode } from "./self.js";

export const inspect = verb({
  name: "inspect",
  use: "[OPTIONS] self|NODE [NODE...]",
  about: "Display detailed information on one or more nodes",
  args: someArguments,
  flags: { format: inspectFormat, pretty },
  async run({ flags, args, client, world }) {
    const format = flags.pretty === true ? "pretty" : (flags.format ?? "");
    if (flags.pretty === true && flags.format !== undefined)
      throw new CliError("--format is incompatible with human friendly format");
    const fetch = (name: string): Promise<Node> => fetchNode(name, client);
    if (format === "pretty") await printPretty(args, fetch, (text) => world.stdout.write(text));
    else {
      const typed = (node: Node): GoStruct => new GoStruct("swarm.Node", { ...node });
      await inspectEach({ names: args, format, fetch, typed }, world.stdout);
    }
    return undefined;
  },
});

async function fetchNode(name: string, client: Client): Promise<Node> {
  return client.get<Node>(`/nodes/${segment(await resolveNode(name, client))}`);
}

async function printPretty(
  names: readonly string[],
  fetch: (name: string) => Promise<Node>,
  write: (text: string) => void,
): Promise<void> {
  for (const name of names) write(prettyNode(await fetch(name)));
}
