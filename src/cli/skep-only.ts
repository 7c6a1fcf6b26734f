// The verbs that change a cluster talk to Skep only: to a plain engine they would start Docker's own swarm mode.
import type { Client } from "./client.js";
import { CliError } from "./errors.js";
import type { World } from "./world.js";

/** Skep says its version with every answer; the `Server` header is the engine's, which Docker's clients read. */
export async function requireSkep(client: Client, world: World): Promise<void> {
  if (world.env["SKEP_ALLOW_ENGINE"] === "1") return;
  const { isSkep } = await client.hello();
  if (isSkep) return;
  throw new CliError(
    "this is a Docker Engine, not Skep.\n" +
      "Start 'skep daemon' on this host, or name its socket: -H unix:///run/skep/skep.sock (or SKEP_HOST)",
  );
}
