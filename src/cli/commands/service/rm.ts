// `skep service rm`
import { segment } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { forEach } from "../../errors.js";

export const rm = verb({
  name: "rm",
  aliases: ["remove"],
  use: "SERVICE [SERVICE...]",
  about: "Remove one or more services",
  args: someArguments,
  flags: {},
  async run({ args, client, world }) {
    await forEach(args, async (name) => {
      await client.delete(`/services/${segment(name)}`);
      world.stdout.write(`${name}\n`);
    });
    return undefined;
  },
});
