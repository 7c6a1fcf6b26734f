// `skep version`: ours, then the daemon's with its components.
import type { VersionComponent, VersionResponse } from "../../../api/types.js";
import { goJson } from "../../../base/index.js";
import { noArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { inspectFormat } from "../../flags/shared.js";
import { apiVersionMax } from "../../host.js";
import { cliVersion } from "../../version.js";
import { renderOne } from "../render-one.js";

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly NodeVersion: string;
  readonly Os: string;
  readonly Arch: string;
}

export const version = verb({
  name: "version",
  use: "[OPTIONS]",
  about: "Show the Skep version information",
  args: noArguments,
  anyEngine: true,
  flags: { format: inspectFormat },
  async run({ flags, client, world }) {
    let failure: CliError | undefined;
    const server = await client.get<VersionResponse>("/version").catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      failure = error;
      return undefined;
    });
    const ours = clientVersion(failure === undefined ? (await client.hello()).apiVersion : apiVersionMax);
    const data = { Client: ours, Server: server ?? null };
    world.stdout.write(
      flags.format === undefined ? page(ours, server) : renderOne(flags.format, data, () => goJson(data)),
    );
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

function clientVersion(apiVersion: string): ClientVersion {
  return {
    Version: cliVersion,
    ApiVersion: apiVersion,
    DefaultAPIVersion: apiVersionMax,
    NodeVersion: process.version,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
  };
}

function page(ours: ClientVersion, server: VersionResponse | undefined): string {
  const downgraded = ours.ApiVersion === apiVersionMax ? "" : ` (downgraded from ${apiVersionMax})`;
  const lines = [
    "Client: Skep",
    ` Version:           ${ours.Version}`,
    ` API version:       ${ours.ApiVersion}${downgraded}`,
    ` Node.js version:   ${ours.NodeVersion}`,
    ` OS/Arch:           ${ours.Os}/${ours.Arch}`,
    ...(server === undefined
      ? []
      : ["", `Server:${server.Platform?.Name ? ` ${server.Platform.Name}` : ""}`, ...serverLines(server)]),
  ];
  return `${lines.join("\n")}\n`;
}

function serverLines(server: VersionResponse): string[] {
  return (server.Components ?? [{ Name: "Engine", Version: server.Version }]).flatMap((component) => [
    ` ${component.Name}:`,
    `  Version:          ${component.Version}`,
    ...detailLines(component, server),
  ]);
}

function detailLines({ Name, Details = {} }: VersionComponent, server: VersionResponse): string[] {
  if (Name !== "Engine") {
    return Object.keys(Details)
      .sort()
      .map((key) => `  ${`${key}:`.padEnd(17)} ${Details[key] ?? ""}`);
  }
  return [
    `  API version:      ${server.ApiVersion}${server.MinAPIVersion ? ` (minimum version ${server.MinAPIVersion})` : ""}`,
    `  Go version:       ${server.GoVersion ?? ""}`,
    `  Git commit:       ${server.GitCommit ?? ""}`,
    `  Built:            ${server.BuildTime ?? ""}`,
    `  OS/Arch:          ${server.Os ?? ""}/${server.Arch ?? ""}`,
    `  Experimental:     ${server.Experimental === true}`,
  ];
}
