// `skep service rollback`
import type { Service, ServiceUpdateResponse } from "../../../api/types.js";
import { segment } from "../../client.js";
import { oneArgument, verb } from "../../command.js";
import { detach, quietProgress } from "../../flags/shared.js";
import { waitOnService } from "../../progress/wait.js";

export const rollback = verb({
  name: "rollback",
  use: "[OPTIONS] SERVICE",
  about: "Revert changes to a service's configuration",
  args: oneArgument,
  flags: { detach, quiet: quietProgress },
  async run({ flags, args: [name = ""], client, world }) {
    const service = await client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: false } });
    const query = { version: service.Version.Index, rollback: "previous" };
    const answer = await client.post<ServiceUpdateResponse>(`/services/${service.ID}/update`, {
      query,
      body: service.Spec,
    });
    for (const warning of answer.Warnings ?? []) world.stderr.write(`${warning}\n`);
    world.stdout.write(`${name}\n`);
    if (flags.detach === true) return undefined;
    return waitOnService({ id: service.ID, name, quiet: flags.quiet ?? false }, { client, world });
  },
});
