// `skep swarm unlock` and `skep swarm unlock-key`
import type { Info, Swarm, UnlockKey } from "../../../api/types.js";
import { noArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { toggle } from "../../flags/basic.js";
import type { World } from "../../world.js";
import { rotateQuery } from "./rotate.js";
import { unlockKeyText } from "./words.js";

export const unlock = verb({
  name: "unlock",
  use: "",
  about: "Unlock swarm",
  args: noArguments,
  flags: {},
  async run({ client, world }) {
    const { Swarm: local } = await client.get<Info>("/info");
    if (local.LocalNodeState === "inactive") throw new CliError("Error: This node is not part of a swarm");
    if (local.LocalNodeState !== "locked") throw new CliError("Error: swarm is not locked");
    await client.post("/swarm/unlock", { body: { UnlockKey: await readKey(world) } });
    return undefined;
  },
});

/** From the terminal without showing it, else the first line of what is piped in. */
export async function readKey({ stdin }: World): Promise<string> {
  const typed = stdin.isTerminal
    ? await stdin.readSecret("Enter unlock key: ")
    : ((await stdin.readAll()).split("\n")[0] ?? "");
  return typed.trim();
}

export const unlockKey = verb({
  name: "unlock-key",
  use: "[OPTIONS]",
  about: "Manage the unlock key",
  args: noArguments,
  flags: { quiet: toggle("Only display token", { short: "q" }), rotate: toggle("Rotate unlock key") },
  async run({ flags, client, world }) {
    if (flags.rotate === true) {
      const { Version, Spec } = await client.get<Swarm>("/swarm");
      if (!Spec.EncryptionConfig.AutoLockManagers)
        throw new CliError("cannot rotate because autolock is not turned on");
      await client.post("/swarm/update", { query: rotateQuery(Version.Index, "ManagerUnlockKey"), body: Spec });
      if (flags.quiet !== true) world.stdout.write("Successfully rotated manager unlock key.\n\n");
    }
    const { UnlockKey: key } = await client.get<UnlockKey>("/swarm/unlockkey");
    if (key === "") throw new CliError("no unlock key is set");
    world.stdout.write(flags.quiet === true ? `${key}\n` : unlockKeyText(key));
    return undefined;
  },
});
