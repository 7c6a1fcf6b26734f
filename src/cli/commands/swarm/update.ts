// `skep swarm update`
import type { Swarm } from "../../../api/types.js";
import { noArguments, verb } from "../../command.js";
import { toggle } from "../../flags/basic.js";
import { rotateQuery } from "./rotate.js";
import { editedSpec, specFlags } from "./spec.js";
import { unlockText } from "./words.js";

export const update = verb({
  name: "update",
  use: "[OPTIONS]",
  about: "Update the swarm",
  args: noArguments,
  flags: { ...specFlags, autolock: toggle("Change manager autolocking setting (true|false)") },
  async run({ flags, client, world, help }) {
    if (Object.keys(flags).length === 0) {
      world.stdout.write(help.page);
      return undefined;
    }
    const swarm = await client.get<Swarm>("/swarm");
    const body = await editedSpec(swarm.Spec, flags, world, swarm.TLSInfo.TrustRoot ?? "");
    await client.post("/swarm/update", { query: rotateQuery(swarm.Version.Index), body });
    world.stdout.write("Swarm updated.\n");
    const locksNow = body.EncryptionConfig.AutoLockManagers && !swarm.Spec.EncryptionConfig.AutoLockManagers;
    if (locksNow) world.stdout.write(await unlockText(client));
    return undefined;
  },
});
