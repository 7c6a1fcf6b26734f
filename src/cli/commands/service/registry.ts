// What the registry says of an image, and the login it may want: a tag becomes a digest before the spec is sent.
import type { AuthConfig, DistributionInspect, ServiceSpec } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { CliError } from "../../errors.js";
import type { World } from "../../world.js";
import { hasDigest, taggedImage } from "../image.js";

export interface RegistryOptions {
  readonly resolves: boolean;
  /** Value of X-Registry-Auth. */
  readonly auth: string | undefined;
}

/** The spec to send: `:latest` where nothing is said, pinned if the registry answers; else it says so on stderr. */
export async function withResolvedImage(
  spec: ServiceSpec,
  { resolves, auth }: RegistryOptions,
  { client, world }: { readonly client: Client; readonly world: World },
): Promise<ServiceSpec> {
  const given = spec.TaskTemplate.ContainerSpec?.Image ?? "";
  const image = taggedImage(given) ?? given;
  const tagged = withImage(spec, image);
  if (!resolves) return tagged;
  const answer = await askRegistry(image, auth, client);
  if (answer === undefined) {
    world.stderr.write(`${unpinnedWarning(image)}\n`);
    return tagged;
  }
  return pinned(tagged, image, answer);
}

async function askRegistry(
  image: string,
  auth: string | undefined,
  client: Client,
): Promise<DistributionInspect | undefined> {
  try {
    const headers = auth === undefined ? {} : { "X-Registry-Auth": auth };
    const path = `/distribution/${image.split("/").map(segment).join("/")}/json`;
    return await client.get<DistributionInspect>(path, { headers });
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

function pinned(spec: ServiceSpec, image: string, answer: DistributionInspect): ServiceSpec {
  const digest = answer.Descriptor?.digest ?? "";
  const named = digest === "" || hasDigest(image) ? spec : withImage(spec, `${image}@${digest}`);
  const platforms = (answer.Platforms ?? []).map(({ architecture, os }) => ({
    ...(architecture.toLowerCase() === "arm" ? {} : { Architecture: architecture }),
    OS: os,
  }));
  if (platforms.length === 0) return named;
  const template = named.TaskTemplate;
  return { ...named, TaskTemplate: { ...template, Placement: { ...template.Placement, Platforms: platforms } } };
}

function withImage(spec: ServiceSpec, image: string): ServiceSpec {
  const template = spec.TaskTemplate;
  return { ...spec, TaskTemplate: { ...template, ContainerSpec: { ...template.ContainerSpec, Image: image } } };
}

function unpinnedWarning(image: string): string {
  return (
    `image ${image} could not be accessed on a registry to record\n` +
    `its digest. Each node will access ${image} independently,\n` +
    "possibly leading to different nodes running different\nversions of the image.\n"
  );
}

const hubKey = "https://index.docker.io/v1/";

/** The login `docker login` kept for the image's registry; `{}` where there is none. */
export async function registryAuth(image: string, world: World): Promise<string> {
  const [first = "", ...rest] = image.split("/");
  const registry = rest.length > 0 && /[.:]|^localhost$/.test(first) && first !== "docker.io" ? first : hubKey;
  const folder = world.env["DOCKER_CONFIG"] || `${world.env["HOME"] ?? ""}/.docker`;
  const config = parseConfig(await world.readFile(`${folder}/config.json`).catch(() => "{}"));
  if (config.credHelpers?.[registry] !== undefined || (config.credsStore ?? "") !== "") {
    world.stderr.write(`WARNING: credential helpers are not read by skep; no login is sent for ${registry}\n`);
  }
  const login = Buffer.from(JSON.stringify(loginOf(config.auths?.[registry], registry)));
  // Engines want the padding, which node's base64url leaves out.
  return login.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthConfig>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

function parseConfig(text: string): DockerConfig {
  try {
    return JSON.parse(text) as DockerConfig;
  } catch {
    return {};
  }
}

function loginOf(stored: AuthConfig | undefined, registry: string): AuthConfig {
  if (stored === undefined) return {};
  const [username = "", ...password] = Buffer.from(stored.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  const login = stored.auth === undefined ? {} : { username, password: password.join(":") };
  const { identitytoken, registrytoken } = stored;
  return {
    ...login,
    ...(identitytoken === undefined ? {} : { identitytoken }),
    ...(registrytoken === undefined ? {} : { registrytoken }),
    serveraddress: registry,
  };
}
