// `skep service create`
import type { ServiceCreateResponse } from "../../../api/types.js";
import { someArguments, verb } from "../../command.js";
import { toggle } from "../../flags/basic.js";
import { waitOnService } from "../../progress/wait.js";
import { createRequest } from "./create-request.js";
import { createFlags } from "./create-spec.js";
import { showPlan } from "./plan.js";

const plan = toggle("Show what would happen, without doing it");

export const create = verb({
  name: "create",
  use: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  about: "Create a new service",
  args: someArguments,
  stopAtArgument: true,
  flags: { ...createFlags, plan },
  async run({ flags: { plan: onlyPlans, ...flags }, args, client, world }) {
    const { spec, auth } = await createRequest(flags, args, { client, world });
    if (onlyPlans === true) return showPlan({ Spec: spec }, { client, world });
    const headers = auth === undefined ? {} : { "X-Registry-Auth": auth };
    const { ID, Warnings } = await client.post<ServiceCreateResponse>("/services/create", { body: spec, headers });
    for (const warning of Warnings ?? []) world.stderr.write(`${warning}\n`);
    world.stdout.write(`${ID}\n`);
    if (flags.detach === true) return undefined;
    return waitOnService({ id: ID, name: ID, quiet: flags.quiet ?? false }, { client, world });
  },
});
