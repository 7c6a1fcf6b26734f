// Names of networks, secrets and configs to ids, asked of the daemon.
import type { ConfigReference, NetworkAttachmentConfig, Privileges, SecretReference } from "../../../api/types.js";
import { type Client, filtersParam, segment } from "../../client.js";
import { CliError } from "../../errors.js";
import type { CredentialSpecFlag } from "../../flags/checks.js";
import type { FileReference, NetworkReference } from "../../flags/references.js";
import { nonEmpty } from "./rollout.js";

interface Named {
  readonly ID: string;
  readonly Spec: { readonly Name?: string };
}

export async function networkId(client: Client, name: string): Promise<string> {
  if (name === "") throw new CliError("invalid network name or ID: value is empty");
  const network = await client.get<{ readonly Id: string }>(`/networks/${segment(name)}`, {
    query: { scope: "swarm" },
  });
  return network.Id;
}

export async function attachments(
  references: readonly NetworkReference[],
  client: Client,
): Promise<readonly NetworkAttachmentConfig[]> {
  const networks: NetworkAttachmentConfig[] = [];
  for (const { target, aliases, driverOptions } of references) {
    const options = nonEmpty({ ...driverOptions });
    networks.push({
      Target: await networkId(client, target),
      ...(aliases.length === 0 ? {} : { Aliases: aliases }),
      ...(options === undefined ? {} : { DriverOpts: options }),
    });
  }
  return sortedByTarget(networks);
}

export function sortedByTarget(networks: readonly NetworkAttachmentConfig[]): NetworkAttachmentConfig[] {
  return networks.toSorted((a, b) => ((a.Target ?? "") < (b.Target ?? "") ? -1 : 1));
}

export async function secretReferences(
  references: readonly FileReference[],
  client: Client,
): Promise<readonly SecretReference[]> {
  const ids = await idsByName("secret", references, client);
  return references.map(({ source, file }) => ({ File: file, SecretID: ids.get(source) ?? "", SecretName: source }));
}

/** A credential spec kept in a config is one more of them, for the runtime instead of a file. */
export async function configReferences(
  references: readonly FileReference[],
  credential: CredentialSpecFlag | undefined,
  client: Client,
): Promise<readonly ConfigReference[]> {
  const runtime = credential !== undefined && "config" in credential ? credential.config : undefined;
  const names = [...references.map(({ source }) => source), ...(runtime === undefined ? [] : [runtime])];
  if (names.length === 0) return [];
  refuseSharedTargets("config", references);
  const ids = await lookUp("config", names, client);
  return [
    ...references.map(({ source, file }) => ({ File: file, ConfigID: ids.get(source) ?? "", ConfigName: source })),
    ...(runtime === undefined ? [] : [{ Runtime: {}, ConfigID: ids.get(runtime) ?? "", ConfigName: runtime }]),
  ];
}

export function privilegesOf(
  credential: CredentialSpecFlag | undefined,
  configs: readonly ConfigReference[],
): Privileges | undefined {
  if (credential === undefined) return undefined;
  const config =
    "config" in credential ? configs.find(({ ConfigName }) => ConfigName === credential.config)?.ConfigID : "";
  return {
    CredentialSpec: {
      Config: config ?? "",
      File: "file" in credential ? credential.file : "",
      Registry: "registry" in credential ? credential.registry : "",
    },
    SELinuxContext: null,
    NoNewPrivileges: false,
  };
}

async function idsByName(
  kind: "secret" | "config",
  references: readonly FileReference[],
  client: Client,
): Promise<Map<string, string>> {
  if (references.length === 0) return new Map();
  refuseSharedTargets(kind, references);
  return lookUp(
    kind,
    references.map(({ source }) => source),
    client,
  );
}

function refuseSharedTargets(kind: string, references: readonly FileReference[]): void {
  const seen = new Set<string>();
  for (const { source, file } of references) {
    if (seen.has(file.Name)) throw new CliError(`duplicate ${kind} target for ${source} not allowed`);
    seen.add(file.Name);
  }
}

/** The daemon's filter takes beginnings of names; only whole ones count here. */
async function lookUp(
  kind: "secret" | "config",
  names: readonly string[],
  client: Client,
): Promise<Map<string, string>> {
  const found = await client.get<readonly Named[]>(`/${kind}s`, { query: { filters: filtersParam({ name: names }) } });
  const ids = new Map(found.map(({ ID, Spec }) => [Spec.Name ?? "", ID]));
  for (const name of names) {
    if (!ids.has(name)) throw new CliError(`${kind} not found: ${name}`);
  }
  return ids;
}
