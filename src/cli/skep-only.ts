// The verbs that change a cluster talk to Skep only: to a plain engine they would start Docker's own swarm mode.
import type { VersionResponse } from "../api/types.js";
import type { Client } from "./client.js";
import { CliError } from "./errors.js";
import type { World } from "./world.js";

/** Skep names itself in the `Server` header; a daemon that does not is asked for its components. */
export async function requireSkep(client: Client, world: World): Promise<void> {
  if (world.env["SKEP_ALLOW_ENGINE"] === "1") return;
  const { server } = await client.hello();
  if (/\bskep\b/i.test(server)) return;
  const version = await client.get<VersionResponse>("/version");
  if (version.Components?.some(({ Name }) => Name === "Skep") === true) return;
  throw new CliError(
    "this is a Docker Engine, not Skep.\n" +
      "Start 'skep daemon' on this host, or name its socket: -H unix:///run/skep/skep.sock (or SKEP_HOST)",
  );
}
