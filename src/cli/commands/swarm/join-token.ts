// `skep swarm join-token`
import type { Info, Swarm } from "../../../api/types.js";
import { oneArgument, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { toggle } from "../../flags/basic.js";
import { rotateQuery } from "./rotate.js";
import { joinCommand } from "./words.js";

export const joinToken = verb({
  name: "join-token",
  use: "[OPTIONS] (worker|manager)",
  about: "Manage join tokens",
  args: oneArgument,
  flags: { quiet: toggle("Only display token", { short: "q" }), rotate: toggle("Rotate join token") },
  async run({ flags, args: [role = ""], client, world }) {
    if (role !== "worker" && role !== "manager") throw new CliError(`unknown role ${role}`);
    if (flags.rotate === true) {
      const { Version, Spec } = await client.get<Swarm>("/swarm");
      const what = role === "worker" ? "WorkerToken" : "ManagerToken";
      await client.post("/swarm/update", { query: rotateQuery(Version.Index, what), body: Spec });
      if (flags.quiet !== true) world.stdout.write(`Successfully rotated ${role} join token.\n\n`);
    }
    const { JoinTokens } = await client.get<Swarm>("/swarm");
    if (flags.quiet === true) {
      world.stdout.write(`${role === "worker" ? JoinTokens.Worker : JoinTokens.Manager}\n`);
      return undefined;
    }
    const { Swarm: local } = await client.get<Info>("/info");
    world.stdout.write((await joinCommand(client, local.NodeID, role)) ?? "");
    return undefined;
  },
});
