// `skep swarm leave`
import { noArguments, verb } from "../../command.js";
import { toggle } from "../../flags/basic.js";
import { patiently } from "../../patience.js";

export const leave = verb({
  name: "leave",
  use: "[OPTIONS]",
  about: "Leave the swarm",
  args: noArguments,
  flags: { force: toggle("Force this node to leave the swarm, ignoring warnings", { short: "f" }) },
  async run({ flags, client, world }) {
    const query = { force: flags.force === true ? 1 : undefined };
    await patiently("this node's tasks to stop", client.post("/swarm/leave", { query }), world);
    world.stdout.write("Node left the swarm.\n");
    return undefined;
  },
});
