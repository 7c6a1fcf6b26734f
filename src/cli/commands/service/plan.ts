// `skep service plan`: what `service update` with the same flags would do; `service create --plan` asks the same of a new one.
import type { Plan, PlanRequest } from "../../../api/types.js";
import { goJson } from "../../../base/index.js";
import type { Client } from "../../client.js";
import { paintFor } from "../../colour.js";
import { oneArgument, verb } from "../../command.js";
import { inspectFormat } from "../../flags/shared.js";
import type { World } from "../../world.js";
import { renderOne } from "../render-one.js";
import { noneSuch } from "./explain.js";
import { planText } from "./plan-text.js";
import { updateFlags } from "./update-flags.js";
import { updateRequest } from "./update-request.js";

const { detach: _detach, quiet: _quiet, ...planFlags } = updateFlags;

export const plan = verb({
  name: "plan",
  use: "[OPTIONS] SERVICE",
  about: "Show what 'service update' with the same flags would do, without doing it",
  args: oneArgument,
  flags: { ...planFlags, format: inspectFormat },
  async run({ flags: { format, ...flags }, args: [name = ""], client, world }) {
    const { service, spec } = await noneSuch(name, updateRequest(flags, name, { client, world }));
    const wish = { Service: service.ID, Version: service.Version.Index, Rollback: flags.rollback === true, Spec: spec };
    return showPlan(wish, { client, world, format });
  },
});

export async function showPlan(
  wish: PlanRequest,
  { client, world, format }: { readonly client: Client; readonly world: World; readonly format?: string | undefined },
): Promise<undefined> {
  const answer = await client.postOwn<Plan>("/skep/v1/services/plan", { body: wish });
  world.stdout.write(
    format === undefined ? planText(answer, paintFor(world)) : renderOne(format, answer, () => goJson(answer)),
  );
  return undefined;
}
