// `skep service update`
import type { ServiceUpdateResponse } from "../../../api/types.js";
import { oneArgument, verb } from "../../command.js";
import { waitOnService } from "../../progress/wait.js";
import { updateFlags } from "./update-flags.js";
import { updateRequest } from "./update-request.js";

export const update = verb({
  name: "update",
  use: "[OPTIONS] SERVICE",
  about: "Update a service",
  args: oneArgument,
  flags: updateFlags,
  async run({ flags, args: [name = ""], client, world }) {
    const { service, spec, auth } = await updateRequest(flags, name, { client, world });
    const answer = await client.post<ServiceUpdateResponse>(`/services/${service.ID}/update`, {
      query: {
        registryAuthFrom: auth === undefined ? "spec" : undefined,
        rollback: flags.rollback === true ? "previous" : undefined,
        version: service.Version.Index,
      },
      headers: auth === undefined ? {} : { "X-Registry-Auth": auth },
      body: spec,
    });
    for (const warning of answer.Warnings ?? []) world.stderr.write(`${warning}\n`);
    world.stdout.write(`${name}\n`);
    if (flags.detach === true) return undefined;
    return waitOnService({ id: service.ID, name, quiet: flags.quiet ?? false }, { client, world });
  },
});
