// `skep node rm`
import { segment } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { forEach } from "../../errors.js";
import { toggle } from "../../flags/basic.js";

export const rm = verb({
  name: "rm",
  aliases: ["remove"],
  use: "[OPTIONS] NODE [NODE...]",
  about: "Remove one or more nodes from the swarm",
  args: someArguments,
  flags: { force: toggle("Force remove a node from the swarm", { short: "f" }) },
  async run({ flags, args, client, world }) {
    const query = { force: flags.force === true ? 1 : undefined };
    await forEach(args, async (name) => {
      await client.delete(`/nodes/${segment(name)}`, { query });
      world.stdout.write(`${name}\n`);
    });
    return undefined;
  },
});
