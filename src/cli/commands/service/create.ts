// `skep service create`
import type { ServiceCreateResponse } from "../../../api/types.js";
import { someArguments, verb } from "../../command.js";
import { waitOnService } from "../../progress/wait.js";
import { createFlags, createSpec } from "./create-spec.js";
import { environment } from "./env.js";
import { attachments, configReferences, secretReferences } from "./references.js";
import { registryAuth, withResolvedImage } from "./registry.js";

export const create = verb({
  name: "create",
  use: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  about: "Create a new service",
  args: someArguments,
  stopAtArgument: true,
  flags: createFlags,
  async run({ flags, args: [image = "", ...args], client, world }) {
    // What is wrong with the flags alone is said before the daemon is asked anything.
    const draft = { env: [], networks: [], secrets: [], configs: [] };
    createSpec(flags, image, args, draft);
    const resolved = {
      env: await environment(flags.env ?? [], flags["env-file"] ?? [], world),
      networks: await attachments(flags.network ?? [], client),
      secrets: await secretReferences(flags.secret ?? [], client),
      configs: await configReferences(flags.config ?? [], flags["credential-spec"], client),
    };
    const auth = flags["with-registry-auth"] === true ? await registryAuth(image, world) : undefined;
    const spec = await withResolvedImage(
      createSpec(flags, image, args, resolved),
      { resolves: flags["no-resolve-image"] !== true, auth },
      { client, world },
    );
    const headers = auth === undefined ? {} : { "X-Registry-Auth": auth };
    const { ID, Warnings } = await client.post<ServiceCreateResponse>("/services/create", { body: spec, headers });
    for (const warning of Warnings ?? []) world.stderr.write(`${warning}\n`);
    world.stdout.write(`${ID}\n`);
    if (flags.detach === true) return undefined;
    return waitOnService({ id: ID, name: ID, quiet: flags.quiet ?? false }, { client, world });
  },
});
