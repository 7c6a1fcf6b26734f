// `--generic-resource gpu=2`: counts only; a service cannot ask for a resource by name.
import type { GenericResource } from "../../../api/types.js";
import { CliError } from "../../errors.js";

export function genericResources(pairs: readonly string[]): GenericResource[] {
  return pairs.map(genericResource);
}

function genericResource(pair: string): GenericResource {
  const [kind = "", value = "", ...more] = pair.split("=");
  const wrong = (why: string): CliError =>
    new CliError(`invalid generic resource specification: could not parse GenericResource: ${why}`);
  if (more.length > 0) throw wrong(`incorrect term ${pair}, missing '=' or malformed expression`);
  if (/^-\d+$/.test(value)) throw wrong(`cannot ask for negative resource ${kind}`);
  if (!/^\d+$/.test(value)) {
    throw new CliError(
      `invalid generic-resource request \`${pair}\`, Named Generic Resources is not supported for service create or update`,
    );
  }
  return {
    DiscreteResourceSpec: {
      ...(kind === "" ? {} : { Kind: kind }),
      ...(value === "0" ? {} : { Value: Number(value) }),
    },
  };
}
