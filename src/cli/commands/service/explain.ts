// `skep service explain`
import type { Explanation } from "../../../api/types.js";
import { goJson } from "../../../base/index.js";
import { segment } from "../../client.js";
import { paintFor } from "../../colour.js";
import { oneArgument, verb } from "../../command.js";
import { CliError, isNotFound } from "../../errors.js";
import { inspectFormat } from "../../flags/shared.js";
import { renderOne } from "../render-one.js";
import { explanationText } from "./explain-text.js";

export const explain = verb({
  name: "explain",
  use: "[OPTIONS] SERVICE",
  about: "Tell why a service is not as asked, and what would help",
  args: oneArgument,
  flags: { format: inspectFormat },
  async run({ flags, args: [name = ""], client, world }) {
    const answer = await noneSuch(name, client.getOwn<Explanation>(`/skep/v1/services/${segment(name)}/explain`));
    world.stdout.write(
      flags.format === undefined
        ? explanationText(answer, paintFor(world))
        : renderOne(flags.format, answer, () => goJson(answer)),
    );
    return undefined;
  },
});

/** As docker says it. */
export async function noneSuch<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) throw new CliError(`no such service: ${name}`);
    throw error;
  }
}
