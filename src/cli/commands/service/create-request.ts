// What `service create` sends, worked out from its flags; with --plan it is only asked about.
import type { ServiceSpec } from "../../../api/types.js";
import type { Client } from "../../client.js";
import type { World } from "../../world.js";
import { type CreateValues, createSpec } from "./create-spec.js";
import { environment } from "./env.js";
import { attachments, configReferences, secretReferences } from "./references.js";
import { registryAuth, withResolvedImage } from "./registry.js";

export interface CreateRequest {
  readonly spec: ServiceSpec;
  /** The X-Registry-Auth header. Secret. */
  readonly auth: string | undefined;
}

export async function createRequest(
  flags: CreateValues,
  [image = "", ...args]: readonly string[],
  { client, world }: { readonly client: Client; readonly world: World },
): Promise<CreateRequest> {
  // What is wrong with the flags alone is said before the daemon is asked anything.
  const draft = { env: [], networks: [], secrets: [], configs: [] };
  createSpec(flags, image, args, draft);
  const resolved = {
    env: await environment(flags.env ?? [], flags["env-file"] ?? [], world),
    networks: await attachments(flags.network ?? [], client),
    secrets: await secretReferences(flags.secret ?? [], client),
    configs: await configReferences(flags.config ?? [], flags["credential-spec"], client),
  };
  const auth = flags["with-registry-auth"] === true ? await registryAuth(image, world) : undefined;
  const spec = await withResolvedImage(
    createSpec(flags, image, args, resolved),
    { resolves: flags["no-resolve-image"] !== true, auth },
    { client, world },
  );
  return { spec, auth };
}
