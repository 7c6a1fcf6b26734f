// `skep service scale web=3 api=2`: all are changed first, then waited for one after the other.
import type { Service, ServiceMode, ServiceUpdateResponse } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { parseUint } from "../../flags/basic.js";
import { detach } from "../../flags/shared.js";
import { waitOnService } from "../../progress/wait.js";
import type { World } from "../../world.js";

interface Target {
  readonly name: string;
  readonly count: string;
}

export const scale = verb({
  name: "scale",
  use: "SERVICE=REPLICAS [SERVICE=REPLICAS...]",
  about: "Scale one or multiple replicated services",
  args: someArguments,
  flags: { detach },
  async run({ flags, args, client, world, help }) {
    const targets = args.map((arg) => targetOf(arg, help.usage));
    const failures: string[] = [];
    const scaled: { id: string; name: string }[] = [];
    for (const target of targets) {
      try {
        scaled.push({ id: await scaleOne(target, client, world), name: target.name });
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        failures.push(`${target.name}: ${error.message}`);
      }
    }
    for (const { id, name } of flags.detach === true ? [] : scaled) {
      try {
        const code = await waitOnService({ id, name, quiet: false }, { client, world });
        if (code !== 0) return code;
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        failures.push(`${name}: ${error.message}`);
      }
    }
    if (failures.length > 0) throw new CliError(failures.join("\n"));
    return undefined;
  },
});

function targetOf(arg: string, usage: string): Target {
  const at = arg.indexOf("=");
  if (at > 0 && at < arg.length - 1) return { name: arg.slice(0, at), count: arg.slice(at + 1) };
  throw new CliError(
    `invalid scale specifier '${arg}'.\nSee 'skep service scale --help'.\n\n${usage}\n\nScale one or multiple replicated services`,
  );
}

async function scaleOne({ name, count }: Target, client: Client, world: World): Promise<string> {
  const replicas = replicasOf(count);
  const service = await client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: false } });
  const body = { ...service.Spec, Mode: scaledMode(service.Spec.Mode, replicas) };
  const query = { version: service.Version.Index };
  const answer = await client.post<ServiceUpdateResponse>(`/services/${service.ID}/update`, { query, body });
  for (const warning of answer.Warnings ?? []) world.stderr.write(`${warning}\n`);
  world.stdout.write(`${name} scaled to ${replicas}\n`);
  return service.ID;
}

function replicasOf(count: string): number {
  try {
    return parseUint(count, 64, 10);
  } catch (error) {
    throw new CliError(`invalid replicas value ${count}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function scaledMode(mode: ServiceMode, replicas: number): ServiceMode {
  if (mode.Replicated) return { Replicated: { ...mode.Replicated, Replicas: replicas } };
  if (mode.ReplicatedJob) return { ReplicatedJob: { ...mode.ReplicatedJob, TotalCompletions: replicas } };
  throw new CliError("scale can only be used with replicated or replicated-job mode");
}
