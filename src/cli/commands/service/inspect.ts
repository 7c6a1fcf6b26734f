// `skep service inspect`
import type { Service } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { CliError, isNotFound } from "../../errors.js";
import { inspectFormat, pretty } from "../../flags/shared.js";
import { inspectEach } from "../inspect.js";
import { GoStruct } from "../typed.js";
import { prettyService } from "./pretty.js";

export const inspect = verb({
  name: "inspect",
  use: "[OPTIONS] SERVICE [SERVICE...]",
  about: "Display detailed information on one or more services",
  args: someArguments,
  flags: { format: inspectFormat, pretty },
  async run({ flags, args, client, world }) {
    if (flags.pretty === true && flags.format !== undefined)
      throw new CliError("--format is incompatible with human friendly format");
    const fetch = (name: string): Promise<Service> => fetchService(name, client);
    if (flags.pretty === true) {
      for (const name of args)
        world.stdout.write(prettyService(await fetch(name), await networkNames(client), world.now()));
      return undefined;
    }
    const typed = (service: Service): GoStruct => new GoStruct("swarm.Service", { ...service });
    await inspectEach({ names: args, format: flags.format, fetch, typed }, world.stdout);
    return undefined;
  },
});

async function fetchService(name: string, client: Client): Promise<Service> {
  try {
    return await client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: true } });
  } catch (error) {
    if (isNotFound(error)) throw new CliError(`Error: no such service: ${name}`);
    throw error;
  }
}

/** Ids to names; a daemon that does not know networks yet leaves the ids. */
async function networkNames(client: Client): Promise<ReadonlyMap<string, string>> {
  try {
    const query = { filters: JSON.stringify({ scope: { swarm: true } }) };
    const networks = await client.get<readonly { readonly Id: string; readonly Name: string }[]>("/networks", {
      query,
    });
    return new Map(networks.map(({ Id, Name }) => [Id, Name]));
  } catch (error) {
    if (error instanceof CliError) return new Map();
    throw error;
  }
}
