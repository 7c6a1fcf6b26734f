// What `service update` sends, worked out from its flags and the service as it is; `service plan` asks about the same.
import type { ConfigReference, SecretReference, Service, ServiceSpec } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { CliError } from "../../errors.js";
import type { World } from "../../world.js";
import { environmentOf } from "./env.js";
import { attachments, configReferences, networkId, secretReferences, sortedByTarget } from "./references.js";
import { registryAuth, withResolvedImage } from "./registry.js";
import type { UpdateValues } from "./update-flags.js";
import { type UpdateResolved, updatedSpec } from "./update-spec.js";

export interface UpdateRequest {
  /** As it is now. */
  readonly service: Service;
  readonly spec: ServiceSpec;
  /** The X-Registry-Auth header. Secret. */
  readonly auth: string | undefined;
}

export async function updateRequest(
  given: UpdateValues,
  name: string,
  { client, world }: { readonly client: Client; readonly world: World },
): Promise<UpdateRequest> {
  const service = await client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: false } });
  if (given.rollback === true) refuseOthers(given);
  const flags =
    given["env-add"] === undefined ? given : { ...given, "env-add": environmentOf(given["env-add"], world) };
  const spec = updatedSpec(service.Spec, flags, await resolve(service.Spec, flags, client));
  const image = spec.TaskTemplate.ContainerSpec?.Image ?? "";
  const auth = flags["with-registry-auth"] === true ? await registryAuth(image, world) : undefined;
  if (flags.image === undefined) return { service, spec, auth };
  const resolves = flags["no-resolve-image"] !== true;
  return { service, spec: await withResolvedImage(spec, { resolves, auth }, { client, world }), auth };
}

function refuseOthers(flags: UpdateValues): void {
  const others = Object.keys(flags).filter((flag) => !["rollback", "detach", "quiet"].includes(flag));
  if (others.length > 0) throw new CliError("other flags may not be combined with --rollback");
}

/** Only what a flag touches is asked for. */
async function resolve(spec: ServiceSpec, flags: UpdateValues, client: Client): Promise<UpdateResolved> {
  const container = spec.TaskTemplate.ContainerSpec ?? {};
  const secrets = await changedSecrets(container.Secrets ?? [], flags, client);
  const configs = await changedConfigs(container.Configs ?? [], flags, client);
  const networks = await changedNetworks(spec, flags, client);
  return {
    ...(secrets === undefined ? {} : { secrets }),
    ...(configs === undefined ? {} : { configs }),
    ...(networks === undefined ? {} : { networks }),
  };
}

async function changedSecrets(
  before: readonly SecretReference[],
  { "secret-add": add, "secret-rm": rm = [] }: UpdateValues,
  client: Client,
): Promise<readonly SecretReference[] | undefined> {
  if (add === undefined && rm.length === 0) return undefined;
  const kept = before.filter(({ SecretName }) => !rm.includes(SecretName));
  return [...kept, ...(await secretReferences(add ?? [], client))];
}

async function changedConfigs(
  before: readonly ConfigReference[],
  { "config-add": add, "config-rm": rm = [], "credential-spec": credential }: UpdateValues,
  client: Client,
): Promise<readonly ConfigReference[] | undefined> {
  if (add === undefined && rm.length === 0 && credential === undefined) return undefined;
  const kept = before.filter(
    ({ ConfigName, Runtime }) => !rm.includes(ConfigName) && !(credential !== undefined && Runtime),
  );
  return [...kept, ...(await configReferences(add ?? [], credential, client))];
}

async function changedNetworks(
  spec: ServiceSpec,
  { "network-add": add = [], "network-rm": rm = [] }: UpdateValues,
  client: Client,
): Promise<UpdateResolved["networks"]> {
  if (add.length === 0 && rm.length === 0) return undefined;
  const removed = new Set<string>();
  for (const name of rm) removed.add(await networkId(client, name));
  const kept = (spec.TaskTemplate.Networks ?? spec.Networks ?? []).filter(({ Target = "" }) => !removed.has(Target));
  const added = await attachments(add, client);
  const twice = added.find(({ Target }) => kept.some((network) => network.Target === Target));
  if (twice !== undefined) throw new CliError(`service is already attached to network ${twice.Target}`);
  return sortedByTarget([...kept, ...added]);
}
