// `skep service rollback`: to the configuration before, as docker does, or to any that is kept.
import type { Service, ServiceUpdateResponse } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { oneArgument, verb } from "../../command.js";
import { uint } from "../../flags/basic.js";
import { detach, quietProgress } from "../../flags/shared.js";
import { waitOnService } from "../../progress/wait.js";

const to = uint("Revision to go back to, as 'skep service history' shows them (default the one before)");

export const rollback = verb({
  name: "rollback",
  use: "[OPTIONS] SERVICE",
  about: "Revert changes to a service's configuration",
  args: oneArgument,
  flags: { detach, quiet: quietProgress, to },
  async run({ flags, args: [name = ""], client, world }) {
    const service = await client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: false } });
    const answer = await (flags.to === undefined ? toPrevious(client, service) : toRevision(client, service, flags.to));
    for (const warning of answer.Warnings ?? []) world.stderr.write(`${warning}\n`);
    world.stdout.write(`${name}\n`);
    if (flags.detach === true) return undefined;
    return waitOnService({ id: service.ID, name, quiet: flags.quiet ?? false }, { client, world });
  },
});

function toPrevious(client: Client, { ID, Version, Spec }: Service): Promise<ServiceUpdateResponse> {
  const query = { version: Version.Index, rollback: "previous" };
  return client.post(`/services/${ID}/update`, { query, body: Spec });
}

function toRevision(client: Client, { ID, Version }: Service, revision: number): Promise<ServiceUpdateResponse> {
  return client.postOwn(`/skep/v1/services/${ID}/rollback`, { query: { to: revision, version: Version.Index } });
}
